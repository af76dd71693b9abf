# Consent names the store and the disk's serial number; a disk without one gets none.
disk = vm.disk("ext4")
vm.decide()
vm.fail(f"asl-admin allow-write {disk.store} </dev/null")
session = "/var/lib/asl/runtime/session.conf"
seen = vm.succeed(f"asl-admin allow-write --yes {disk.store}; test -e {session}")
vm.check_in("consent", f"write.allow = {disk.store}@{disk.serial}", seen)
vm.check_in("consent", f"serial {disk.serial}", seen)
vm.check_in("session", f"write.allow = {disk.store}@{disk.serial}", vm.succeed(f"cat {session}"))
vm.seen = None
vm.expect_mode(mode="local", access="rw", store=disk.store)
vm.expect_mounted(vm.mounted_node(), "rw")
seen = vm.succeed(f"asl-admin allow-write --revoke {disk.store}")
vm.check_in("revoked", "is taken back", seen)
vm.fail(f"test -e {session}")
vm.decide()
vm.expect_local(disk)
# A mount for writing writes, and that was allowed.
vm.remember_disks()
other = vm.loop("ext4")
vm.decide()
vm.fail(f"asl-admin allow-write --yes {other.store}")
