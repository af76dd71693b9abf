# A container whose key file the configuration names: it is unlocked read-only, and what it holds is
# mounted by what it turns out to be. The key is in no command line and in no journal.
disk = vm.loop()
said, _ = vm.sealed_store(disk.whole, disk)
vm.configure(f"local.uuid = {said}", f"unlock.keyfile = {said}:/run/lab/key")
vm.decide()
vm.expect_mode(mode="import")
steps = [step["step"] for step in vm.facts["decision"]["steps"]]
vm.check("steps", steps, ["unlock", "mount-content"])
vm.expect_mounted(f"/dev/mapper/asl-{said}")
vm.expect_not_told("s3cr3t-w0rd")
vm.release()
vm.expect_nodes_as_before("the release")
