# The session's own file is broken: none with its place, and one command takes it away.
disk = vm.disk("ext4")
vm.succeed("printf 'use = a\\nmode = none\\n' >/var/lib/asl/runtime/session.conf")
vm.decide()
vm.expect_none("config-error", rule="config-error")
vm.expect_reason("/var/lib/asl/runtime/session.conf:2:1", "key mode", "asl-admin use --clear")
vm.succeed("asl-admin use --clear")
vm.decide()
vm.expect_local(disk)
