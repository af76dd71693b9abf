# Half of the superblock cannot be read: its copies say what it was, which makes it a disk to image
# and no find, and stops nothing.
sick, good = vm.mapped("ext4"), vm.loop("ext4")
vm.sicken(sick, "0 3 linear {} 2048", "3 1 error")
vm.decide()
vm.expect_local(good)
vm.expect_probe(sick, "read", faults=True)
vm.check("judged on the sick disk", vm.judged(sick), ["sick"])
