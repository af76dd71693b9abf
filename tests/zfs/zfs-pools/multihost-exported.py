# The same protection on a pool that its host has let go of: nobody uses it.
disk = vm.loop(partitions=1, partition=1, megabytes=80)
vm.lab("as_host 0x1a2b3c4d server")
store = vm.zpool("shared", disk.node, disk, options="-o multihost=on")
vm.lab("as_host 0 rescue")
vm.decide()
vm.expect_import("zfs shared", "import-pool", "mount", store=store)
