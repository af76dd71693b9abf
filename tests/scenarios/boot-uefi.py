"""The ISO in an optical drive, started by UEFI firmware without Secure Boot."""

with lab.boot("uefi", medium="cdrom", attach=("xfs",)) as vm:
    vm.succeed("test -d /sys/firmware/efi")
    vm.expect_local(vm.disk("xfs"))
