# Plain `ro` replays the log tree; `rescue=nologreplay` does not, and orphans wait for a writer.
vm.expect_mounts(
    "btrfs",
    "truncate -s 110M $f; mkfs.btrfs -qf $f",
    ro={"clean": "full", "dirty": "refused, written", "frozen": "full"},
    **{"ro_rescue=nologreplay": {"clean": "full", "dirty": "stale", "frozen": "full"}},
)
