# A btrfs on two disks, mounted by naming both: nothing is scanned, and the driver forgets them.
disks = [vm.loop("btrfs"), vm.loop()]
vm.set_up(
    f"wipefs -qa {disks[0].whole}; truncate -s 128M {disks[1].file}; losetup -c {disks[1].whole};"
    f" mkfs.btrfs -q -f -d raid1 -m raid1 {disks[0].whole} {disks[1].whole};"
    f" mount {disks[0].whole} /run/lab/mnt; . /run/lab.sh;"
    " fill /run/lab/mnt 1 6f0f7c1e-52a4-4f0c-8b0e-2f6f3f9d9c11; umount /run/lab/mnt;"
    " btrfs device scan --forget",
    *disks,
)
vm.decide()
vm.expect_mode(mode="import", store="6f0f7c1e-52a4-4f0c-8b0e-2f6f3f9d9c11")
vm.check("steps", [step["step"] for step in vm.facts["decision"]["steps"]], ["mount"])
vm.expect_intake_serves()
vm.release()
vm.check("nodes after", vm.nodes(), vm.succeed("cat /run/lab/nodes").splitlines())
# It would not let another device with these ids in.
vm.succeed("btrfs device scan --forget")
