# Read-only by nature.
vm.expect_mounts("squashfs", lab.packed("squashfs", "mksquashfs"), ro={"clean": "full"})
