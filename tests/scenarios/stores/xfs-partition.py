# The only partition of a disk.
disk = vm.loop("xfs", partitions=1, partition=1)
vm.decide()
vm.expect_local(disk)
