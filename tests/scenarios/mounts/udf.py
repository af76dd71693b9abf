# No log: `ro` writes nothing, also where the volume is marked as in use.
vm.expect_mounts(
    "udf",
    lab.made_by("udf", 16, "mkfs.udf"),
    ro={"clean": "full", "dirty": "full", "frozen": "full"},
)
