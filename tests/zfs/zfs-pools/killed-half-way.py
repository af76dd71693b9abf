# An import that is killed, wherever it stands, is taken back by the next command.
disks = [vm.loop(partitions=1, partition=1, megabytes=80) for _ in range(2)]
store = vm.zpool("tank", f"mirror {disks[0].node} {disks[1].node}", *disks)
vm.decide()
vm.release()
before = vm.nodes()
for tenths in range(1, 30, 4):
    vm.succeed(f"timeout -s KILL {tenths / 10} asl-admin activate >/dev/null 2>&1 || true")
    vm.succeed("asl-admin deactivate 2>&1")
    vm.check(f"nodes after {tenths} tenths of a second", vm.nodes(), before)
    vm.check("pools", vm.line("zpool list -Ho name"), "")
vm.succeed("systemctl start asl-activate asl-intake")
vm.seen = None
vm.expect_import("zfs tank", "import-pool", "mount", store=store)
