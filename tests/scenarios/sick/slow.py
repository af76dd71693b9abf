# Half a second for each read, as of a drive that tries again and again.
slow, good = vm.mapped("ext4"), vm.loop("ext4")
vm.sicken(slow, f"0 {32 * 2048} delay {{}} 2048 500")
vm.decide()
vm.expect_decided_within(20)
if vm.state.mode["mode"] == "local":  # the slow one gave no store in the time it has
    vm.expect_local(good)
else:
    vm.expect_none("many", rule="many")
    vm.expect_reason(slow.node, good.node)
lab.note(judged=vm.judged(slow), probe=vm.probe(slow)["state"])
