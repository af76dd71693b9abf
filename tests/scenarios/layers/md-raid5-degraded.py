# Two of three members: the third is named as missing.
disks = [vm.loop(), vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=5 --raid-devices=3 --assume-clean {nodes} 2>&1;"
    f" mdadm --stop /dev/md9 2>&1; mdadm --zero-superblock {disks[2].whole}",
    *disks,
)
vm.decide()
vm.expect_none("empty")
vm.expect_pool("md", level="raid5", health="degraded", expected=3, missing=["slot 2"])
