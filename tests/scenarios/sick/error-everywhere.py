# A disk of which nothing can be read, beside a good one.
sick, good = vm.mapped("ext4"), vm.loop("ext4")
vm.sicken(sick, f"0 {32 * 2048} error")
vm.decide()
vm.expect_local(good)
vm.expect_probe(sick, "failed")
vm.check("judged on the sick disk", vm.judged(sick), ["sick"])
