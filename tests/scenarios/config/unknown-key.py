# A key that nobody knows: file, line and key are named, and preflight does not fail.
vm.loop("ext4")
vm.configure("mode = auto", "local.mont = /mnt/asl/local")
vm.decide()
vm.expect_none("config-error", rule="config-error")
vm.expect_reason("/etc/asl/asl.conf:2:", "local.mont", "asl.config=ignore")
vm.check("asl-preflight", vm.line("systemctl is-active asl-preflight.service"), "active")
