# A raid volume: dm-raid writes its superblocks when it starts and when it stops, past every guard,
# so the group is activated from snapshots in memory.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"export DM_DISABLE_UDEV=1; pvcreate -q {nodes} 2>&1; vgcreate -q mirrors {nodes} 2>&1;"
    " lvcreate -y -q -Zn -Wn --type raid1 -m1 --nosync -l 5 -n my-store mirrors 2>&1",
    *disks,
)
store, _ = vm.make_store("/dev/mapper/mirrors-my--store", "ext4")
vm.set_up("DM_DISABLE_UDEV=1 vgchange -q -an mirrors 2>&1", *disks)
vm.decide()
vm.expect_import("mirrors/my-store", "activate-volume", "mount", store=store, by_hand=True)
