# One of two devices of a btrfs is gone: nothing is mounted without a permission.
disks = [vm.loop("btrfs"), vm.loop()]
vm.set_up(
    f"wipefs -qa {disks[0].whole}; truncate -s 128M {disks[1].file}; losetup -c {disks[1].whole};"
    f" mkfs.btrfs -q -f -d raid1 -m raid1 {disks[0].whole} {disks[1].whole};"
    f" mount {disks[0].whole} /run/lab/mnt; . /run/lab.sh;"
    " fill /run/lab/mnt 1 6f0f7c1e-52a4-4f0c-8b0e-2f6f3f9d9c11; umount /run/lab/mnt;"
    f" btrfs device scan --forget; wipefs -qa {disks[1].whole}",
    *disks,
)
vm.decide()
vm.check("mode", vm.state.mode["mode"], "none")
vm.expect_pool("btrfs", expected=2)
vm.check("health", vm.pool("btrfs")["health"] != "complete", True)
