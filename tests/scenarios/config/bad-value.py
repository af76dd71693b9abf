# A value of the wrong type.
vm.loop("ext4")
vm.configure("mode = auto", "", "settle.timeout = soon")
vm.decide()
vm.expect_none("config-error", rule="config-error")
vm.expect_reason("/etc/asl/asl.conf:3:", "settle.timeout", "soon")
