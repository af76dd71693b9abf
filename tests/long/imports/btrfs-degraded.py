# One of two devices of a btrfs is gone: nothing is mounted without a permission.
pair, _ = vm.btrfs_pair()
vm.set_up(f"wipefs -qa {pair[1].whole}", *pair)
vm.decide()
vm.check("mode", vm.state.mode["mode"], "none")
vm.expect_pool("btrfs", expected=2)
vm.check("health", vm.pool("btrfs")["health"] != "complete", True)
