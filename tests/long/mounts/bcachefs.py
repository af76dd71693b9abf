# Plain `ro` replays the journal on the disk; with `nochanges` it is replayed in memory. One that was
# frozen is refused, whatever the options.
vm.expect_mounts(
    "bcachefs",
    lab.made_by("bcachefs", 64, "bcachefs", "format", "-q"),
    ro={"clean": "full", "dirty": "full, written", "frozen": "refused"},
    ro_nochanges={"clean": "full", "dirty": "full", "frozen": "refused"},
)
