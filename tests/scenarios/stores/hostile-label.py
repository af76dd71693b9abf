# A disk chooses its label. No quote or control character of it reaches the mode file.
disk = vm.loop("ext4")
vm.succeed(f"e2label {disk.node} $'a\\'\\nmode=x'")
vm.remember(disk)
vm.decide()
vm.expect_local(disk)
vm.check("lines of the mode file", vm.line("wc -l </run/asl/mode"), "13")
vm.check(
    "as systemd reads it",
    vm.line("systemd-run --quiet --pipe --wait -p EnvironmentFile=/run/asl/mode printenv mode"),
    "local",
)
