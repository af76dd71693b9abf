# One of two physical volumes is gone: the volume over both is not brought up, and what is missing
# is named.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"export DM_DISABLE_UDEV=1; pvcreate -q {nodes} 2>&1; vgcreate -q torn {nodes} 2>&1;"
    " lvcreate -q -Zn -Wn -i2 -l 8 -n store torn 2>&1",
    *disks,
)
vm.make_store("/dev/mapper/torn-store", "ext4")
gone = vm.line(f"pvs --noheadings -o pv_uuid {disks[1].whole}")
vm.set_up(
    f"DM_DISABLE_UDEV=1 vgchange -q -an torn 2>&1; wipefs -qa {disks[1].whole}",
    *disks,
)
vm.decide()
vm.check("mode", vm.state.mode["mode"], "none")
vm.expect_pool("lvm2", health="incomplete", expected=2)
vm.check_in("missing", gone, " ".join(vm.pool("lvm2")["missing"]))
