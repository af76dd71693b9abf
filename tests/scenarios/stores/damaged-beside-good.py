# The superblock of one disk is broken: that disk is reported, the other one serves.
broken = vm.loop("ext4")
disk = vm.loop("xfs")
vm.write(broken, 1024 + 0x18, b"\xff\xff\xff\x7f")  # s_log_block_size, so its checksum fails too
vm.decide()
vm.expect_local(disk)
vm.check_in("facts", '"damaged"', vm.succeed("cat /run/asl/facts.json").replace(" ", ""))
