# Forced local, and a local store is there.
disk = vm.loop("ext4")
vm.configure("mode = local")
vm.decide()
vm.expect_local(disk)
