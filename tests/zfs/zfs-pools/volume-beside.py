# A volume of the same pool shows up as a disk once the pool is imported, here with a store of its
# own: what is served stays, and the disk goes with the pool.
disk = vm.loop(partitions=1, partition=1, megabytes=160)
store = vm.zpool("tank", disk.node, disk)
vm.set_up(
    "zpool import -N -o cachefile=none tank; zfs create -V 40M tank/volume; udevadm settle;"
    " test -b /dev/zd0",
    disk,
)
vm.make_store("/dev/zd0", "ext4")
vm.set_up("udevadm settle; zpool export tank", disk)
vm.decide()
vm.check("volume", vm.line("cat /sys/block/zd0/ro"), "1")
vm.succeed("systemctl start asl-rerun.service")
vm.seen = None
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
