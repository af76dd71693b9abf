# Two of three members, and leave to use such an array: it is started as it is and rebuilds nothing.
disks = [vm.loop(), vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=5 --raid-devices=3 --assume-clean {nodes} 2>&1", *disks
)
store, _ = vm.make_store("/dev/md9", "ext4")
vm.set_up(f"mdadm --stop /dev/md9 2>&1; mdadm --zero-superblock {disks[2].whole}", *disks)
vm.configure("import.degraded = ro")
vm.decide()
vm.expect_import(f"md:{vm.pool('md')['name']}", "assemble", "mount", store=store)
