# With the array's superblock at the end, each half looks like a LUKS container at its start. It is
# half of a mirror: unlocking it by itself would tear the mirror apart.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.succeed(
    f"mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --metadata=1.0 --assume-clean {nodes} 2>&1"
)
vm.seal("/dev/md9")
vm.set_up("mdadm --stop /dev/md9 2>&1", *disks)
good = vm.loop("ext4")
vm.decide()
vm.expect_local(good)
vm.expect_pool("md", level="raid1", health="complete")
for disk in disks:
    vm.check(f"judged on {disk.node}", "locked" in vm.judged(disk), False)
