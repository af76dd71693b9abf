# A store on a btrfs of two devices: read through both together, which nobody gathers to look.
disks = [vm.loop("btrfs", tree=False), vm.loop("btrfs", tree=False)]
first, second = (disk.whole for disk in disks)
vm.set_up(
    f"mkfs.btrfs -q -f -d raid1 -m raid1 {first} {second};"
    f" mount -o device={first},device={second} {first} /run/lab/mnt;"
    " . /run/lab.sh; btrfs -q subvolume create /run/lab/mnt/vault; fill /run/lab/mnt/vault/.asl 1 5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f; umount /run/lab/mnt",
    *disks,
)
vm.decide()
vm.expect_pool("btrfs", health="complete", expected=2, missing=[])
look = vm.pool("btrfs")["look"]
vm.check("look", look["state"], "read")
vm.check("stores", [(one["path"], one["id"]) for one in look["stores"]], [("/vault/.asl", "5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f")])
