# Stripes over two disks: the volume is read-only, and so is what it stands on.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"export DM_DISABLE_UDEV=1; pvcreate -q {nodes} 2>&1; vgcreate -q striped {nodes} 2>&1;"
    " lvcreate -q -Zn -Wn -i2 -l 8 -n store striped 2>&1",
    *disks,
)
store, _ = vm.make_store("/dev/mapper/striped-store", "ext4")
vm.set_up("DM_DISABLE_UDEV=1 vgchange -q -an striped 2>&1", *disks)
vm.decide()
vm.expect_import("striped/store", "activate-volume", "mount", store=store, by_hand=True)
