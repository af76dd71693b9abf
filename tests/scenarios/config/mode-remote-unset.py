# Forced remote without an endpoint is said, not replaced by the store that is there.
vm.loop("ext4")
vm.configure("mode = remote")
vm.decide()
vm.expect_none("remote-unset", rule="remote-unset")
vm.expect_reason("remote.endpoint")
