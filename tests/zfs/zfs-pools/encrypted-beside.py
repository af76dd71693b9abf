# An encrypted dataset, whose key nobody asks for, does not hide the store in the one beside it.
disk = vm.loop(partitions=1, partition=1, megabytes=80)
store = vm.zpool("tank", disk.node, disk)
vm.set_up(
    "zpool import -N tank -o cachefile=none; echo 12345678 |"
    " zfs create -u -o encryption=on -o keyformat=passphrase -o pbkdf2iters=100000 tank/secret;"
    " zpool export tank",
    disk,
)
vm.decide()
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
