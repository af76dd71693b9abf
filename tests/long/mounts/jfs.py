# The kernel mounts it with a log that is not clean, replays nothing of it and writes nothing: only
# jfs_fsck replays it, so what is seen of a dirty one is stale.
vm.expect_mounts(
    "jfs",
    lab.made_by("jfs", 24, "mkfs.jfs", "-q"),
    ro={"clean": "full", "dirty": "stale", "frozen": "full"},
)
