"""The module is loaded into the running system as SystemRescue's load-srm does, which copies it over
the root, and the units are started: the same units and the same decision as at a boot."""

with lab.boot("direct", cmdline="loadsrm=n", attach=("ext4",), decides=False) as vm:
    vm.fail("test -e /usr/local/bin/asl-admin")
    vm.succeed(
        "mkdir /tmp/srm; mount -o loop,ro /run/archiso/bootmnt/sysresccd/00-asl.srm /tmp/srm"
        " && cp -a /tmp/srm/. / && umount /tmp/srm"
        " && systemctl daemon-reload && systemctl --no-block start multi-user.target"
    )
    # All of them, as they were started: what follows stops the watcher.
    units = ("asl-intake.service", "asl-watch.service", "asl-intake.socket", "usr-local-bin.mount")
    vm.wait_for(" && ".join(f"systemctl is-active {unit}" for unit in units))
    vm.expect_local(vm.disk("ext4"))
