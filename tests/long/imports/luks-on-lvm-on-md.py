# A container in a volume on a mirror, with its key named: four layers up, and down again.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.succeed(
    "export DM_DISABLE_UDEV=1;"
    f" mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --assume-clean {nodes} 2>&1;"
    " pvcreate -q /dev/md9 2>&1; vgcreate -q deep /dev/md9 2>&1;"
    " lvcreate -q -Zn -Wn -l 6 -n crypt deep 2>&1"
)
said, _ = vm.sealed_store("/dev/mapper/deep-crypt")
vm.set_up("DM_DISABLE_UDEV=1 vgchange -q -an deep 2>&1; mdadm --stop /dev/md9 2>&1", *disks)
vm.configure(f"local.uuid = {said}", f"unlock.keyfile = {said}:/run/lab/key")
vm.decide()
vm.expect_mode(mode="import")
steps = [step["step"] for step in vm.facts["decision"]["steps"]]
vm.check("steps", steps, ["assemble", "activate-volume", "unlock", "mount-content"])
vm.expect_mounted(f"/dev/mapper/asl-{said}")
vm.release()
vm.expect_nodes_as_before("the release")
