# A host that had its power cut and boots the rescue image: the pool remembers the same host.
disk = vm.loop(partitions=1, partition=1, megabytes=80)
vm.lab("as_host 0x1a2b3c4d server")
store = vm.zpool("tank", disk.node, disk, end="crash")
vm.decide()
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
