# Two stores, and the configuration names one of them.
other = vm.loop("btrfs")
disk = vm.loop("ext4")
vm.configure(f"local.uuid = {disk.store}")
vm.decide()
vm.expect_local(disk)
