"""A stick with the live system and, on a third partition, a store: the medium itself is the live
system's, its other partitions are not."""

stick = lab.stick("ext4")
with lab.boot("uefi", medium="usb", stick=stick) as vm:
    vm.expect_local(stick)
