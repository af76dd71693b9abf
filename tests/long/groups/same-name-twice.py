# Two groups of one name, as after a disk was moved from another machine: each is known by its id,
# the one with the store is brought up by it, and the other is left alone.
disks = [vm.loop(), vm.loop()]
made = (
    "export DM_DISABLE_UDEV=1; pvcreate -q {0} 2>&1; vgcreate -q vg0 {0} 2>&1;"
    " lvcreate -q -Zn -Wn -l 5 -n data vg0 2>&1"
)
vm.set_up(made.format(disks[0].whole), disks[0])
store, _ = vm.make_store("/dev/mapper/vg0-data", "ext4")
volume = vm.line("lvs --noheadings --separator / -o vg_uuid,lv_uuid vg0")
# The first is hidden while the second is made: lvm would not take the name twice.
vm.succeed("DM_DISABLE_UDEV=1 vgchange -q -an vg0 2>&1")
vm.detach(disks[0])
vm.set_up(made.format(disks[1].whole), disks[1])
vm.set_up("DM_DISABLE_UDEV=1 vgchange -q -an vg0 2>&1", disks[1])
vm.attach(disks[0])
vm.remember(disks[0])
vm.decide()
pools = vm.facts["facts"]["pools"]
vm.check("groups", [pool["name"] for pool in pools], ["vg0", "vg0"])
vm.expect_import(f"vg0/data ({volume})", "activate-volume", "mount", store=store)
