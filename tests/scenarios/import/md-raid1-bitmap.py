# A mirror with a write-intent bitmap: md writes the bitmap's superblock although the array starts
# read-only and its members are guarded, so the array stands on snapshots in memory.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    "mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --bitmap=internal --assume-clean"
    f" {nodes} 2>&1",
    *disks,
)
store, _ = vm.make_store("/dev/md9", "ext4")
vm.set_up("mdadm --stop /dev/md9 2>&1", *disks)
vm.decide()
vm.expect_import(f"md:{vm.pool('md')['name']}", "assemble", "mount", store=store, by_hand=True)
