# `noload` leaves a log alone, but not an orphan: a clean log behind which one stands (any snapshot
# of a running machine) is written to on a writable disk. Only the read-only disk stops it.
vm.expect_mounts(
    "ext4",
    "truncate -s 16M $f; mkfs.ext4 -qF $f",
    ro={"clean": "full", "dirty": "refused, written", "frozen": "full, written"},
    ro_noload={"clean": "full", "dirty": "stale", "frozen": "full, written"},
)
