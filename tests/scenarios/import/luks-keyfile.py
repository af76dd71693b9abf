# A container whose key file the configuration names: it is unlocked read-only, and what it holds is
# mounted by what it turns out to be. The key is in no command line and in no journal.
disk = vm.loop()
key = "/run/lab/key"
vm.set_up(
    f"echo -n s3cr3t-w0rd >{key}; export DM_DISABLE_UDEV=1;"
    " cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000"
    f" {disk.whole} {key}; cryptsetup open --key-file {key} {disk.whole} plain",
    disk,
)
vm.make_store("/dev/mapper/plain", "ext4")
vm.set_up("DM_DISABLE_UDEV=1 cryptsetup close plain", disk)
said = vm.line(f"cryptsetup luksUUID {disk.whole}")
vm.configure(f"local.uuid = {said}", f"unlock.keyfile = {said}:{key}")
vm.decide()
vm.expect_mode(mode="import")
steps = [step["step"] for step in vm.facts["decision"]["steps"]]
vm.check("steps", steps, ["unlock", "mount-content"])
vm.expect_mounted(f"/dev/mapper/asl-{said}")
vm.fail("journalctl -b --no-pager | grep -F s3cr3t")
vm.fail("grep -rF s3cr3t /var/lib/asl /run/asl")
vm.release()
vm.check("nodes left", vm.nodes(), vm.succeed("cat /run/lab/nodes").splitlines())
