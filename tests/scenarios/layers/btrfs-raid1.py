# A store on a btrfs of two devices: read through both together, which nobody gathers to look.
_, store = vm.btrfs_pair(below="vault/.asl")
vm.decide()
vm.expect_pool("btrfs", health="complete", expected=2, missing=[])
look = vm.pool("btrfs")["look"]
vm.check("look", look["state"], "read")
vm.check("stores", [(one["path"], one["id"]) for one in look["stores"]], [("/vault/.asl", store)])
