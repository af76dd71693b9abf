# The tree of a store without an id: served read-only, and nothing can make it writable.
disk = vm.loop("ext4", marker=False)
vm.decide()
vm.expect_local(disk)
