# Two mirrors side by side are not read before they are imported: only a selector brings them up.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(4)]
nodes = [disk.node for disk in disks]
devices = f"mirror {nodes[0]} {nodes[1]} mirror {nodes[2]} {nodes[3]}"
vm.zpool("wide", devices, *disks, dataset=".")
vm.decide()
vm.expect_none("no-store")
vm.configure("local.pool = wide")
vm.decide()
vm.expect_import("zfs wide", "import-pool", "mount")
