# The disks of a server that lost its power: noted, and imported although the server did not let go.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(2)]
vm.lab("as_host 0x1a2b3c4d server")
store = vm.zpool("tank", f"mirror {disks[0].node} {disks[1].node}", *disks, end="crash")
vm.lab("as_host 0 rescue")
vm.decide()
vm.expect_pool("zfs", flags=["not-exported"], host="server")
vm.expect_reason("was last used by server and not exported")
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
