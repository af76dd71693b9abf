# The stack from the disk to the mount, the units, the guard; the same to a machine.
disk = vm.disk("ext4")
vm.decide()
vm.expect_local(disk)
status = vm.succeed("asl-admin status")
for part in (
    "mode local",
    f"serial {disk.serial}",
    f"store {disk.store} at /: usable",
    "mounted at /mnt/asl/local by asl-activate",
    "asl-intake.service      active (running)",
    "usr-local-bin.mount     active (mounted)",
    "guarded read-only until detach or lock",
):
    vm.check_in("asl-admin status", part, status)
vm.succeed("asl-admin status --json >/run/lab/status.json")
