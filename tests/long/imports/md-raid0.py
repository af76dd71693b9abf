# Stripes over three disks, which write nothing when they are assembled: no snapshot is needed.
disks = [vm.loop(), vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(f"mdadm --create /dev/md9 --run --level=0 --raid-devices=3 {nodes} 2>&1", *disks)
store, _ = vm.make_store("/dev/md9", "ext4")
vm.set_up("mdadm --stop /dev/md9 2>&1", *disks)
vm.decide()
vm.check_in("commands", "--readonly /dev/loop", vm.succeed("asl-admin activate --dry-run"))
vm.expect_import(f"md:{vm.pool('md')['name']}", "assemble", "mount", store=store)
