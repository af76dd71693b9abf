"""A bad value in the YAML on the medium: mode none, the key is named, and the boot goes on."""

iso = lab.iso_with_yaml("asl:\n  mode: sideways\n")
with lab.boot("direct", iso=iso, attach=("ext4",)) as vm:
    vm.expect_none("config-error", rule="config-error")
    vm.expect_reason("mode", "sideways", "asl.config=ignore")
