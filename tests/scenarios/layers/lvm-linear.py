# A store on a logical volume over two disks: the group is known with its volume.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"pvcreate -q {nodes} 2>&1; vgcreate -q data {nodes} 2>&1;"
    " lvcreate -q -Zn -Wn -an -l 8 -n store data 2>&1; vgchange -q -an data 2>&1",
    *disks,
)
said = vm.line("vgs --noheadings -o vg_uuid data")
vm.decide()
vm.expect_none("no-store", rule="nothing-read")
vm.expect_pool("lvm2", id=said, health="complete", expected=2, missing=[])
volumes = vm.pool("lvm2")["volumes"]
vm.check("volumes", [(one["name"], one["kind"], one["size"]) for one in volumes], [("store", "linear", 32 << 20)])
