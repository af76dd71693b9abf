# What an activation does to its own disk is no news: no new decision follows from it.
disk = vm.loop("ext4")
vm.decide()
vm.watch()
vm.succeed("systemctl restart asl-activate.service")
vm.wait_for_intake()
generation = vm.state.mode["generation"]
vm.succeed(f"udevadm trigger --settle --action=change {disk.whole}")
vm.wait_for("systemctl show -P ExecMainExitTimestampMonotonic asl-rerun.service | grep -qv '^0$'")
vm.expect_local(disk)
vm.expect_mode(generation=generation)
