# A container whose passphrase the configuration lets somebody be asked for: the service waits, an
# agent answers, and the word is nowhere afterwards.
disk = vm.loop()
vm.set_up(
    "export DM_DISABLE_UDEV=1; echo -n s3cr3t-w0rd |"
    " cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file -"
    f" {disk.whole}; echo -n s3cr3t-w0rd | cryptsetup open --key-file - {disk.whole} plain",
    disk,
)
vm.make_store("/dev/mapper/plain", "ext4")
vm.set_up("DM_DISABLE_UDEV=1 cryptsetup close plain", disk)
said = vm.line(f"cryptsetup luksUUID {disk.whole}")
vm.configure(f"local.uuid = {said}", f"unlock.prompt = {said}")
vm.decide(activate=False)
vm.expect_mode(mode="import")
vm.succeed("systemctl start --no-block asl-activate.service asl-intake.service")
vm.wait_for("ls /run/systemd/ask-password/ask.*")
vm.succeed(
    "socket=$(sed -n s/^Socket=//p /run/systemd/ask-password/ask.*);"
    " echo -n s3cr3t-w0rd | /usr/lib/systemd/systemd-reply-password 1 $socket"
)
vm.wait_for_intake()
vm.expect_mounted(f"/dev/mapper/asl-{said}")
vm.fail("journalctl -b --no-pager | grep -F s3cr3t")
vm.fail("grep -rF s3cr3t /var/lib/asl /run/asl")
vm.release()
