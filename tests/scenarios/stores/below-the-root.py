# A store in .asl/ of a file system: it is what stands at the mount point.
disk = vm.loop("ext4", at=".asl")
vm.decide()
vm.expect_local(disk)
