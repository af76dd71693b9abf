# A container in a volume on a mirror, with its key named: four layers up, and down again.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
key = "/run/lab/key"
vm.set_up(
    f"echo -n s3cr3t >{key}; export DM_DISABLE_UDEV=1;"
    f" mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --assume-clean {nodes} 2>&1;"
    " pvcreate -q /dev/md9 2>&1; vgcreate -q deep /dev/md9 2>&1;"
    " lvcreate -q -Zn -Wn -l 6 -n crypt deep 2>&1;"
    " cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000"
    f" /dev/mapper/deep-crypt {key};"
    f" cryptsetup open --key-file {key} /dev/mapper/deep-crypt plain",
    *disks,
)
vm.make_store("/dev/mapper/plain", "ext4")
said = vm.line("cryptsetup luksUUID /dev/mapper/deep-crypt")
vm.set_up(
    "export DM_DISABLE_UDEV=1; cryptsetup close plain; vgchange -q -an deep 2>&1;"
    " mdadm --stop /dev/md9 2>&1",
    *disks,
)
vm.configure(f"local.uuid = {said}", f"unlock.keyfile = {said}:{key}")
vm.decide()
vm.expect_mode(mode="import")
steps = [step["step"] for step in vm.facts["decision"]["steps"]]
vm.check("steps", steps, ["assemble", "activate-volume", "unlock", "mount-content"])
vm.expect_mounted(f"/dev/mapper/asl-{said}")
vm.release()
vm.check("nodes left", vm.nodes(), vm.succeed("cat /run/lab/nodes").splitlines())
