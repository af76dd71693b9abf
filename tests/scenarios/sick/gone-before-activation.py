# The disk is pulled between the decision and the mount: the reason is told, and nothing is left.
disk = vm.mapped("ext4")
vm.decide(activate=False)
vm.expect_mode(mode="local", source=disk.node)
vm.succeed(f"dmsetup remove {disk.name}")
vm.expect_activation_fails(disk.node)
