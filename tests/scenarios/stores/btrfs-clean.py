# A clean btrfs on a whole disk is mounted where it lies.
disk = vm.loop("btrfs")
vm.decide()
vm.expect_local(disk)
