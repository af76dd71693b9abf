# /usr/local/bin MUST NOT be written at run time, although the root's upper layer is writable.
for command in (
    "touch /usr/local/bin/new",
    "echo x >>/usr/local/bin/asl-admin",
    "rm /usr/local/bin/asl-debug",
    "chmod 0777 /usr/local/bin/asl-intake",
):
    vm.check_in(command, "Read-only file system", vm.fail(f"({command}) 2>&1"))
vm.succeed("touch /usr/local/lib/new && rm /usr/local/lib/new")
