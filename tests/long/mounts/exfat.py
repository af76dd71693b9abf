# No log: `ro` writes nothing, also where the volume is marked as in use.
vm.expect_mounts(
    "exfat",
    lab.made_by("exfat", 16, "mkfs.exfat", "-q"),
    ro={"clean": "full", "dirty": "full", "frozen": "full"},
)
