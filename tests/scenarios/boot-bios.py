"""The ISO in an optical drive, started by a BIOS."""

with lab.boot("bios", medium="cdrom", attach=("ext4",)) as vm:
    vm.expect_local(vm.disk("ext4"))
