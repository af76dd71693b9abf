# The store is in an encrypted dataset: not read without its key, and nothing is imported to ask.
disk = vm.loop(partitions=1, partition=1, megabytes=80)
vm.set_up("echo 12345678 >/run/lab/key")
encrypt = (
    "-O encryption=on -O keyformat=passphrase -O pbkdf2iters=100000"
    " -O keylocation=file:///run/lab/key"
)
vm.zpool("vault", disk.node, disk, options=encrypt, dataset=".")
vm.decide()
vm.expect_none("no-store")
vm.check_in("why", "encrypt", vm.pool("zfs")["look"]["why"])
