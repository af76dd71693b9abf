# Plain `ro` writes even to a clean one.
vm.expect_mounts(
    "xfs",
    "truncate -s 300M $f; mkfs.xfs -qf -l size=64m $f",
    ro={"clean": "full, written", "dirty": "refused, written", "frozen": "refused, written"},
    ro_norecovery_nouuid={"clean": "full", "dirty": "stale", "frozen": "full"},
)
