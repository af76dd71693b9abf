# The plug was pulled: the store is seen through the log, named, and not mounted.
disk = vm.loop("btrfs", replay=True)
vm.decide()
vm.expect_none("needs-replay", rule="blocked-only")
vm.expect_reason(disk.node, disk.store)
