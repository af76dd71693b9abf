# A container whose passphrase the configuration lets somebody be asked for: the service waits, an
# agent answers, and the word is nowhere afterwards.
disk = vm.loop()
said, _ = vm.sealed_store(disk.whole, disk)
vm.configure(f"local.uuid = {said}", f"unlock.prompt = {said}")
vm.decide(activate=False)
vm.expect_mode(mode="import")
vm.activate_and_answer()
vm.expect_mounted(f"/dev/mapper/asl-{said}")
vm.expect_not_told("s3cr3t-w0rd")
vm.release()
