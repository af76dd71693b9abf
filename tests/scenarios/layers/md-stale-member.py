# A half that was thrown out of its mirror and came back knows less than the other.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --assume-clean {nodes} 2>&1;"
    f" mdadm /dev/md9 --fail {disks[1].whole} --remove {disks[1].whole} 2>&1;"
    " mkfs.ext4 -q /dev/md9; mdadm --stop /dev/md9 2>&1",
    *disks,
)
vm.decide()
vm.expect_none("empty")
vm.expect_pool("md", health="degraded", missing=["slot 1"], flags=["stale-member"])
