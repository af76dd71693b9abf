# A clean xfs on a whole disk is mounted where it lies.
disk = vm.loop("xfs")
vm.decide()
vm.expect_local(disk)
