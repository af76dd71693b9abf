# No log: `ro` writes nothing. What the power cut took of a late file is not in a log either: lost.
vm.expect_mounts(
    "udf",
    lab.made_by("udf", 16, "mkfs.udf"),
    ro={"clean": "full", "dirty": "stale", "frozen": "full"},
)
