# A group with another machine's system id is not brought up before the configuration names it, and
# then read-only.
disk = vm.loop()
vm.set_up(
    f"export DM_DISABLE_UDEV=1; pvcreate -q {disk.whole} 2>&1; vgcreate -q theirs {disk.whole} 2>&1;"
    " lvcreate -q -Zn -Wn -l 5 -n store theirs 2>&1",
    disk,
)
store, _ = vm.make_store("/dev/mapper/theirs-store", "ext4")
vm.set_up(
    "export DM_DISABLE_UDEV=1; vgchange -q -an theirs 2>&1;"
    " vgchange -q -y --systemid other-machine theirs 2>&1",
    disk,
)
vm.decide()
vm.expect_none("foreign-live", rule="blocked-only")
vm.expect_reason("other-machine")
