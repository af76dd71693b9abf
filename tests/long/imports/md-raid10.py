# Four disks, two copies of everything: complete and clean, it is assembled read-only.
disks = [vm.loop() for _ in range(4)]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=10 --raid-devices=4 --assume-clean {nodes} 2>&1", *disks
)
store, _ = vm.make_store("/dev/md9", "ext4")
vm.set_up("mdadm --stop /dev/md9 2>&1", *disks)
vm.decide()
vm.expect_import(f"md:{vm.pool('md')['name']}", "assemble", "mount", store=store)
