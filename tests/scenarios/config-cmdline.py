"""The kernel command line is the last layer: it overrules the YAML on the medium."""

iso = lab.iso_with_yaml("asl:\n  mode: import\n")
with lab.boot("direct", iso=iso, cmdline="asl.mode=none", attach=("ext4",)) as vm:
    vm.expect_none("forced-none", rule="forced-none")
