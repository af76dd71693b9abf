# A disk that fails every other second. Whether a store was read on it is luck; it is never taken
# in place of the one on the sound disk, and nothing waits for it.
sick, good = vm.mapped("ext4"), vm.loop("ext4")
vm.sicken(sick, f"0 {32 * 2048} flakey {{}} 2048 1 1")
vm.decide()
vm.expect_decided_within(20)
vm.check("mode", vm.state.mode["mode"] in ("local", "none"), True)
vm.check("served from the flaky disk", vm.state.mode["source"] == sick.node, False)
