# A byte for byte copy of a disk: which of the two is the store, only the operator knows.
disk = vm.loop("ext4")
copy = vm.copy(disk)
vm.decide()
vm.expect_none("blocked", rule="blocked-only")
vm.expect_reason("clone", disk.node, copy.node)
