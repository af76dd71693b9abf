# One half of a mirror is gone: the other has all of it, and is used once that is allowed.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(2)]
store = vm.zpool("tank", f"mirror {disks[0].node} {disks[1].node}", *disks)
vm.set_up(f"dd if=/dev/zero of={disks[0].whole} bs=1M count=80 conv=fsync status=none", *disks)
vm.decide()
vm.expect_none("degraded")
vm.configure("import.degraded = ro")
vm.decide()
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
