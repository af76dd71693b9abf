# An import that is killed, wherever it stands, is taken back by the next command.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(2)]
store = vm.zpool("tank", f"mirror {disks[0].node} {disks[1].node}", *disks)
vm.decide()
vm.expect_undone_when_killed()
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
