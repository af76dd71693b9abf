# The superblock at the end of each half leaves the file system in sight on both: mounting one of
# them would tear the mirror apart.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --metadata=1.0 --assume-clean {nodes} 2>&1;"
    " . /run/lab.sh; store_on /dev/md9 ext4 $(cat /proc/sys/kernel/random/uuid) 1 5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f .;"
    " mdadm --stop /dev/md9 2>&1",
    *disks,
)
vm.decide()
vm.expect_import(f"md:{vm.pool('md')['name']}", "assemble", "mount", store="5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f")
vm.expect_pool("md", level="raid1", health="complete")
for disk in disks:
    vm.check(f"judged on {disk.node}", vm.judged(disk), ["raw-member"])
