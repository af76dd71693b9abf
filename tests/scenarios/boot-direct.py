"""Kernel and initramfs handed over as a network boot would, the ISO on a virtio disk, and eight
more disks, one with a store: once the node is up, a decision takes less than five seconds even
under emulation. The figure of the cold start, where everything starts at once, is recorded."""

BLANK = tuple(f"blank-{number}" for number in range(7))

with lab.boot("direct", medium="disk", cpus=2, attach=(*BLANK, "ext4")) as vm:
    vm.expect_local(vm.disk("ext4"))
    vm.decide()
    vm.expect_local(vm.disk("ext4"))
    wall = vm.figures()["preflight_wall"]
    vm.check(f"decided after {wall} s, under 5 s", wall < 5, True)
