"""Blank disks: nothing to serve, and nothing fails. Then the system's own tools make the disks
that the other scenarios attach."""

KINDS = ("ext4", "xfs", "btrfs")

with lab.boot("direct", attach=tuple(f"blank-{kind}" for kind in KINDS)) as vm:
    vm.expect_none("empty", rule="empty")
    vm.check_disks()
    for kind in KINDS:
        disk = vm.disk(f"blank-{kind}")
        store, fs = vm.make_store(vm.node(disk), kind)
        vm.remember_disks()
        lab.keep(disk, kind, store, fs)
