# Forced none: nothing is mounted although a store is there.
vm.loop("ext4")
vm.configure("mode = none")
vm.decide()
vm.expect_none("forced-none", rule="forced-none")
