# File systems with other people's files: read to the end, and no store in them.
for fs in ("ext4", "btrfs"):
    vm.loop(fs, tree=False, marker=False)
vm.decide()
vm.expect_none("empty", rule="empty")
