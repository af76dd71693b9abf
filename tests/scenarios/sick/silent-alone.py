# A disk whose reads never come back, and no other: the node says which one it waited for.
silent = vm.mapped("ext4")
vm.succeed(f"dmsetup suspend {silent.name}")
vm.decide()
vm.expect_decided_within(20)
vm.expect_none("no-store", rule="nothing-read")
vm.expect_reason(silent.node)
