# As ext4: `norecovery` leaves the log alone, but not an orphan.
vm.expect_mounts(
    "f2fs",
    "truncate -s 48M $f; mkfs.f2fs -q $f",
    ro={"clean": "full", "dirty": "refused, written", "frozen": "full, written"},
    ro_norecovery={"clean": "full", "dirty": "stale", "frozen": "full, written"},
)
