# The log is not replayed by a read-only mount, and nothing is written.
vm.expect_mounts(
    "ntfs3",
    lab.made_by("ntfs", 16, "mkntfs", "-F", "-Q", "-q"),
    ro={"clean": "full", "dirty": "full", "frozen": "full"},
)
