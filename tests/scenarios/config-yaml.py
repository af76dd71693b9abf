"""The site's own YAML on the medium forces the mode through the `asl` scope."""

iso = lab.iso_with_yaml("asl:\n  mode: none\n")
with lab.boot("direct", iso=iso, attach=("ext4",)) as vm:
    vm.expect_none("forced-none", rule="forced-none")
