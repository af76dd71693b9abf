# A disk with a store appears in a node that had nothing to serve: it is served without a command.
disk = vm.loop("ext4")
vm.detach(disk)
vm.decide()
vm.expect_mode(mode="none")
vm.watch()
vm.attach(disk)
vm.wait_for_intake()
vm.expect_local(disk)
