# A disk whose reads never come back. It is given up, told so by name, and the other one serves.
silent, good = vm.mapped("ext4"), vm.loop("ext4")
vm.succeed(f"dmsetup suspend {silent.name}")
vm.decide()
vm.expect_decided_within(20)
vm.expect_local(good)
vm.expect_probe(silent, "timed-out")
vm.check("judged on the silent disk", vm.judged(silent), ["sick"])
