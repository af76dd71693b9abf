# Plain `ro` replays the journal on the disk; with `nochanges` it is replayed in memory.
vm.expect_mounts(
    "bcachefs",
    lab.made_by("bcachefs", 64, "bcachefs", "format", "-q"),
    ro={"clean": "full", "dirty": "full, written", "frozen": "full, written"},
    ro_nochanges={"clean": "full", "dirty": "full", "frozen": "full"},
)
