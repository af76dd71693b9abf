# The plug was pulled: its log is replayed into memory, and the disk stays as it is.
disk = vm.loop("ext4", replay=True)
vm.decide()
vm.expect_local(disk)
kinds = [step["step"] for step in vm.facts["decision"]["steps"]]
vm.check("steps", kinds, ["snapshot", "mount"])
