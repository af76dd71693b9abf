# Consent names the store and the disk's serial number; a disk without one gets none.
disk = vm.disk("ext4")
vm.decide()
vm.fail(f"asl-admin allow-write {disk.store} </dev/null")
session = "/var/lib/asl/runtime/session.conf"
seen = vm.succeed(f"asl-admin allow-write --yes {disk.store}; test -e {session}")
vm.check_in("consent", f"write.allow = {disk.store}@{disk.serial}", seen)
vm.check_in("consent", f"serial {disk.serial}", seen)
vm.check_in("session", f"write.allow = {disk.store}@{disk.serial}", vm.succeed(f"cat {session}"))
probe = "/mnt/asl/local/written"
for again in (False, True):
    if again:
        vm.succeed(f"asl-admin allow-write --yes {disk.store}")
    vm.seen = None
    vm.expect_mode(mode="local", access="rw", store=disk.store)
    vm.expect_mounted(vm.mounted_node(), "rw")
    vm.succeed(f"touch {probe}")
    # It ends at once, and the store is served on.
    seen = vm.succeed(f"asl-admin allow-write --revoke {disk.store}")
    vm.check_in("revoked", "is taken back", seen)
    vm.fail(f"test -e {session}")
    vm.seen = None
    vm.expect_mode(mode="local", access="ro", store=disk.store)
    vm.expect_mounted(vm.mounted_node())
    vm.fail(f"touch {probe}")
    vm.wait_for_intake()
vm.decide()
vm.expect_local(disk)
# A mount for writing writes, and that was allowed.
vm.remember_disks()
other = vm.loop("ext4")
vm.decide()
vm.fail(f"asl-admin allow-write --yes {other.store}")
