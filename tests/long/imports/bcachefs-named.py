# A bcachefs that the configuration names: nothing of ours reads it, so the driver is asked to, with
# its journal replayed in memory.
made = lab.made_by("bcachefs", 64, "bcachefs", "format", "-q")
vm.bring(made)
disk = vm.loop(megabytes=64)
vm.set_up(
    f"dd if=/run/lab/{made.name} of={disk.whole} bs=1M conv=fsync status=none;"
    f" mount -t bcachefs {disk.whole} /run/lab/mnt; . /run/lab.sh;"
    " fill /run/lab/mnt 1 6f0f7c1e-52a4-4f0c-8b0e-2f6f3f9d9c13; umount /run/lab/mnt",
    disk,
)
vm.configure(f"local.uuid = {vm.line(f'blkid -p -o value -s UUID {disk.whole}')}")
vm.decide()
vm.expect_mode(mode="local", rule="sole-plain", source=disk.whole, access="ro")
vm.expect_mounted(disk.whole)
vm.expect_intake_serves()
vm.release()
