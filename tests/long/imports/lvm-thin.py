# A thin volume and a snapshot of it, in a pool over two disks: what the pool's trees map is read
# without the driver, and the driver writes to snapshots in memory.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"export DM_DISABLE_UDEV=1; pvcreate -q {nodes} 2>&1; vgcreate -q -s 1M thins {nodes} 2>&1;"
    " lvcreate -y -q --config global/thin_check_executable=\\\"\\\" -T -l 40 -V 200M -n store thins/pool 2>&1",
    *disks,
)
store, _ = vm.make_store("/dev/mapper/thins-store", "ext4")
vm.set_up(
    "export DM_DISABLE_UDEV=1; lvs -a -o +segtype,devices thins 2>&1;"
    " vgchange -q -an --config global/thin_check_executable=\\\"\\\" thins 2>&1",
    *disks,
)
vm.decide()
vm.expect_import("thins/store", "activate-volume", "mount", store=store, by_hand=True)
