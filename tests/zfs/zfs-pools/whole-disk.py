# One disk without partitions, and a dataset below a dataset with the store in a place of its own.
disk = vm.loop(megabytes=80)
store = vm.zpool("single", disk.whole, disk, dataset="srv/host", at=".amduat-asl")
vm.decide()
vm.expect_import("zfs single", "import-pool", "mount", store=store)
