# Not text at all.
vm.loop("ext4")
vm.succeed("head -c 4096 /dev/urandom >/etc/asl/asl.conf")
vm.decide()
vm.expect_none("config-error", rule="config-error")
vm.expect_reason("/etc/asl/asl.conf:")
