# A locked disk of unknown content stops nothing: every laptop has one.
locked, good = vm.loop(), vm.loop("ext4")
vm.seal(locked.whole, locked)
vm.decide()
vm.expect_local(good)
vm.check("judged on the locked disk", vm.judged(locked), ["locked"])
