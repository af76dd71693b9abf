"""Power fails wherever an activation stands: the next boot decides the same, serves the store, and
the disks are as they were."""

with lab.boot("direct", attach=("blank", "blank-two")) as vm:
    nodes = " ".join(vm.node(disk) for disk in vm.disks)
    vm.succeed(
        f"export DM_DISABLE_UDEV=1; pvcreate -q {nodes} 2>&1; vgcreate -q -s 1M cut {nodes} 2>&1;"
        " lvcreate -y -q -Zn -Wn --type raid1 -m1 --nosync -L 24M -n store cut 2>&1"
    )
    store, _ = vm.make_store("/dev/mapper/cut-store", "ext4")
    vm.succeed("DM_DISABLE_UDEV=1 vgchange -q -an cut 2>&1")
    vm.remember_disks()
    vm.cut_power()
    for seconds in (0.3, 0.8, 1.5, 2.5):
        vm.expect_mode(mode="import", store=store, source="cut/store")
        vm.expect_mounted("/dev/mapper/cut-store")
        vm.expect_intake_serves()
        vm.release()
        vm.succeed(f"(asl-admin activate >/dev/null 2>&1 &); sleep {seconds}")
        vm.cut_power()
    vm.expect_mode(mode="import", store=store, source="cut/store")
    vm.expect_intake_serves()
