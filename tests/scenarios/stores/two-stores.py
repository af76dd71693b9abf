# A choice between two would be a guess; each is named with what selects it.
disks = [vm.loop("ext4"), vm.loop("btrfs")]
vm.decide()
vm.expect_none("many", rule="many")
for disk in disks:
    vm.expect_reason(disk.node, disk.store)
