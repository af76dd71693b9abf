# An array's 0.90 superblock at the end of the last MBR partition also lies at the end of the disk.
# It is the partition's: the members are partitions, and the disk is a disk with a table.
disks = [vm.loop(), vm.loop()]
for disk in disks:
    # Up to the last sector, and its end where the superblock's place is the same for both.
    vm.set_up(f"printf 'label: dos\\nstart=2048, type=fd' | sfdisk -q {disk.whole} 2>&1", disk)
vm.set_up(
    "mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --metadata=0.90 --assume-clean"
    f" {disks[0].whole}p1 {disks[1].whole}p1 2>&1; . /run/lab.sh;"
    " store_on /dev/md9 ext4 $(cat /proc/sys/kernel/random/uuid) 1 s1 .; mdadm --stop /dev/md9 2>&1",
    *disks,
)
vm.decide()
vm.expect_pool("md", level="raid1", health="complete")
members = sorted(one["device"] for one in vm.pool("md")["members"])
vm.check("members", members, sorted(f"{disk.whole[5:]}p1" for disk in disks))
vm.check("mode", vm.state.mode["mode"] == "local", False)
