# Three disks with parity, and a store below the root of the pool's own dataset.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(3)]
nodes = " ".join(disk.node for disk in disks)
store = vm.zpool("zraid", f"raidz1 {nodes}", *disks, dataset=".", at=".asl")
vm.decide()
vm.expect_pool("zfs", name="zraid", level="raidz", health="complete")
vm.expect_import("zfs zraid", "import-pool", "mount", store=store)
