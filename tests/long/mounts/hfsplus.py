# `ro` writes nothing; the kernel never replays a journal of HFS+.
vm.expect_mounts(
    "hfsplus",
    lab.made_by("hfsplus", 32, "mkfs.hfsplus"),
    ro={"clean": "full", "dirty": "full", "frozen": "full"},
)
