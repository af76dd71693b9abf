# Read-only by nature.
vm.expect_mounts("iso9660", lab.small_iso(), ro={"clean": "full"})
