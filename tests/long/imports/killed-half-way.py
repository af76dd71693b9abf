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
vm.release()
before = vm.nodes()
for tenths in range(1, 30, 4):
    # timeout kills its child alone: the tool that runs at the moment must die with it.
    vm.succeed(f"timeout -s KILL {tenths / 10} asl-admin activate >/dev/null 2>&1 || true")
    vm.succeed("asl-admin deactivate 2>&1")
    vm.check(f"nodes after {tenths} tenths of a second", vm.nodes(), before)
vm.succeed("systemctl start asl-activate asl-intake")
vm.seen = None
vm.expect_import("killed/store", "activate-volume", "mount", store=store)
