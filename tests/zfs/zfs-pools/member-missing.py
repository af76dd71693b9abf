# One of two disks without redundancy is gone: told by name, and never imported.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(2)]
vm.zpool("wide", f"{disks[0].node} {disks[1].node}", *disks, dataset=".")
vm.set_up(f"dd if=/dev/zero of={disks[1].whole} bs=1M count=80 conv=fsync status=none", *disks)
vm.configure("local.pool = wide", "import.degraded = ro")
vm.decide()
vm.expect_pool("zfs", health="incomplete")
vm.expect_none("incomplete")
