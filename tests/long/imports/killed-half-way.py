# An activation that is killed, wherever it stands, is taken back by the next command: no node, no
# mount and no flag of it is left, and it can be brought up after that.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"export DM_DISABLE_UDEV=1; pvcreate -q {nodes} 2>&1; vgcreate -q killed {nodes} 2>&1;"
    " lvcreate -y -q -Zn -Wn --type raid1 -m1 --nosync -l 5 -n store killed 2>&1",
    *disks,
)
store, _ = vm.make_store("/dev/mapper/killed-store", "ext4")
vm.set_up("DM_DISABLE_UDEV=1 vgchange -q -an killed 2>&1", *disks)
vm.decide()
vm.expect_undone_when_killed()
vm.expect_import("killed/store", "activate-volume", "mount", store=store)
