# Read-only by nature.
vm.expect_mounts("erofs", lab.packed("erofs", "mkfs.erofs"), ro={"clean": "full"})
