# What an activation does to its own disk is no news: no new decision follows from it.
disk = vm.loop("ext4")
vm.decide()
vm.watch()
before = vm.reruns()
generation = vm.state.mode["generation"]
vm.succeed("systemctl restart asl-activate.service")
vm.succeed(f"udevadm trigger --settle --action=change {disk.whole}")
vm.wait_for_intake()
vm.wait_for_rerun(before)
vm.expect_local(disk)
vm.expect_mode(generation=generation)
