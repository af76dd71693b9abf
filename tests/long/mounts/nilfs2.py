# Plain `ro` rolls forward on the disk. `norecovery` shows the last checkpoint, which a new file that
# is synced makes; a later write into a file that was there may lie behind it.
vm.expect_mounts(
    "nilfs2",
    lab.made_by("nilfs2", 160, "mkfs.nilfs2", "-q"),
    ro={"clean": "full", "dirty": "refused, written", "frozen": "full"},
    ro_norecovery={"clean": "full", "dirty": "full", "frozen": "full"},
)
