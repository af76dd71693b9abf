# The store is on the second of two partitions; the first is blank.
disk = vm.loop("ext4", partitions=2, partition=2)
vm.decide()
vm.expect_local(disk)
