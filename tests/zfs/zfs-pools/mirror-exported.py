# A mirror that was exported in good order, its store in a dataset: imported read-only, by hand too.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(2)]
store = vm.zpool("tank", f"mirror {disks[0].node} {disks[1].node}", *disks)
vm.decide()
vm.expect_pool("zfs", name="tank", health="complete", flags=["exported"])
vm.expect_import("zfs tank", "import-pool", "mount", store=store, by_hand=True)
