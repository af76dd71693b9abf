# A btrfs on two disks, mounted by naming both: nothing is scanned, and the driver forgets them.
_, store = vm.btrfs_pair()
vm.decide()
vm.expect_mode(mode="import", store=store)
vm.check("steps", [step["step"] for step in vm.facts["decision"]["steps"]], ["mount"])
vm.expect_intake_serves()
vm.release()
vm.expect_nodes_as_before("the release")
# It would not let another device with these ids in.
vm.succeed("btrfs device scan --forget")
