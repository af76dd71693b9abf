# Plain `ro` replays the log; `nolog` does not.
vm.expect_mounts(
    "reiserfs",
    lab.made_by("reiserfs", 40, "mkfs.reiserfs", "-f", "-f", "-q"),
    ro={"clean": "full", "dirty": "refused, written", "frozen": "full"},
    ro_nolog={"clean": "full", "dirty": "stale", "frozen": "full"},
)
