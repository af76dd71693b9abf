# It writes to a disk that can be written in every state, with `nolog` too.
vm.expect_mounts(
    "reiserfs",
    lab.made_by("reiserfs", 40, "mkfs.reiserfs", "-f", "-f", "-q"),
    ro={"clean": "full, written", "dirty": "refused, written", "frozen": "full, written"},
    ro_nolog={"clean": "full, written", "dirty": "refused, written", "frozen": "full, written"},
)
