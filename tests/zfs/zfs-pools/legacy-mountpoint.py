# A dataset that its owner mounts by /etc/fstab, and that is not mounted by itself.
disk = vm.loop(partitions=1, partition=1, megabytes=80)
store = vm.zpool("tank", disk.node, disk)
vm.set_up(
    "zpool import -N tank -o cachefile=none; zfs set canmount=noauto tank/data;"
    " zfs set mountpoint=legacy tank/data; zpool export tank",
    disk,
)
vm.decide()
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
