# A store on a logical volume over two disks: the group is known with its volume, and the volume is
# activated for the mount and no longer.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"pvcreate -q {nodes} 2>&1; vgcreate -q data {nodes} 2>&1;"
    " lvcreate -q -Zn -Wn -l 8 -n store data 2>&1; vgmknodes 2>&1;"
    " . /run/lab.sh; store_on /dev/mapper/data-store ext4 $(cat /proc/sys/kernel/random/uuid) 1 5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f .;"
    " vgchange -q -an data 2>&1",
    *disks,
)
said = vm.line("vgs --noheadings -o vg_uuid data")
vm.decide()
vm.expect_import("data/store", "activate-volume", "mount", store="5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f")
vm.expect_pool("lvm2", id=said, health="complete", expected=2, missing=[])
volumes = vm.pool("lvm2")["volumes"]
vm.check("volumes", [(one["name"], one["kind"], one["size"]) for one in volumes], [("store", "linear", 32 << 20)])
