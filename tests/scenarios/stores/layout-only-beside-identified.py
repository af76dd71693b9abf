# A planted tree without an id does not turn the real store into a choice of two.
planted = vm.loop("ext4", marker=False)
disk = vm.loop("ext4")
vm.decide()
vm.expect_local(disk)
