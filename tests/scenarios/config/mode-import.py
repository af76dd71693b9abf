# Forced import, but the store mounts without a step before it.
disk = vm.loop("ext4")
vm.configure("mode = import")
vm.decide()
vm.expect_none("mode-mismatch", rule="mode-mismatch")
vm.expect_reason(disk.node)
