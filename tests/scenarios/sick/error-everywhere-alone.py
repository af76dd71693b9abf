# Nothing but a disk of which nothing can be read: it is named, and nobody is told to make a store.
sick = vm.mapped("ext4")
vm.sicken(sick, f"0 {32 * 2048} error")
vm.decide()
vm.expect_none("no-store", rule="nothing-read")
vm.expect_reason(sick.node)
