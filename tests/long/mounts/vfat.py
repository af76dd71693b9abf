# No log: `ro` writes nothing, also where the volume is marked as in use.
vm.expect_mounts(
    "vfat",
    "truncate -s 16M $f; mkfs.vfat $f",
    ro={"clean": "full", "dirty": "full", "frozen": "full"},
)
