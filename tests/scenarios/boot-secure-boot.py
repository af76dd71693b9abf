"""The ISO in an optical drive, started by UEFI firmware that checks signatures."""

SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

with lab.boot("secure-boot", medium="cdrom", attach=("btrfs",)) as vm:
    # Four bytes of attributes, then the value: 1 when the firmware enforces.
    vm.check("SecureBoot", vm.line(f"od -An -tu1 -j4 -N1 {SECURE_BOOT}"), "1")
    vm.expect_local(vm.disk("btrfs"))
