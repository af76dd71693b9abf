# The end of a disk cannot be read, where an array would have its superblock: the fault is told.
sick, good = vm.mapped("ext4"), vm.loop("ext4")
vm.sicken(sick, f"0 {32 * 2048 - 128} linear {{}} 2048", f"{32 * 2048 - 128} 128 error")
vm.decide()
vm.expect_probe(sick, "read", faults=True)
