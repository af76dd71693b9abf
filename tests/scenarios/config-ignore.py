"""asl.config=ignore on the command line is the way out of a broken configuration."""

iso = lab.iso_with_yaml("asl:\n  mode: sideways\n")
with lab.boot("direct", iso=iso, cmdline="asl.config=ignore", attach=("ext4",)) as vm:
    vm.expect_local(vm.disk("ext4"))
