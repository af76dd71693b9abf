# No log; what is deleted while open is an orphan here too, as the ext4 driver serves it.
vm.expect_mounts(
    "ext2",
    "truncate -s 16M $f; mkfs.ext2 -qF $f",
    ro={"clean": "full", "dirty": "full", "frozen": "full"},
)
