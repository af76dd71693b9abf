# A clean ext4 on a whole disk is mounted where it lies.
disk = vm.loop("ext4")
vm.decide()
vm.expect_local(disk)
