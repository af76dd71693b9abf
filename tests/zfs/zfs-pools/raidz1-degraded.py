# Parity stands in for a disk that is gone: read all the same, and blocked until that is allowed.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(3)]
nodes = " ".join(disk.node for disk in disks)
store = vm.zpool("zraid", f"raidz1 {nodes}", *disks)
vm.set_up(f"dd if=/dev/zero of={disks[1].whole} bs=1M count=80 conv=fsync status=none", *disks)
vm.decide()
vm.expect_none("degraded")
vm.configure("import.degraded = ro")
vm.decide()
vm.expect_import("zfs zraid", "import-pool", "mount", store=store)
