# The same with a disk of the bus, which takes its node along.
disk = vm.plug("pulled")
node = vm.node(disk)
vm.make_store(node, "ext4")
vm.remember_disks()
vm.decide(activate=False)
vm.expect_mode(mode="local", source=node)
vm.unplug(disk)
vm.expect_activation_fails(node)
