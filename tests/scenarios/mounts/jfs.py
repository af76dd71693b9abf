# A log that is not clean is refused, and never replayed by the kernel.
vm.expect_mounts(
    "jfs",
    lab.made_by("jfs", 24, "mkfs.jfs", "-q"),
    ro={"clean": "full", "dirty": "full", "frozen": "full"},
)
