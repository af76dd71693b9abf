# Plain `ro` rolls forward what was synced; `norecovery` shows the last checkpoint.
vm.expect_mounts(
    "nilfs2",
    lab.made_by("nilfs2", 160, "mkfs.nilfs2", "-q"),
    ro={"clean": "full", "dirty": "refused, written", "frozen": "full"},
    ro_norecovery={"clean": "full", "dirty": "stale", "frozen": "full"},
)
