# A line of 10 MB does not cost 10 MB of reason, nor the boot.
vm.loop("ext4")
vm.succeed(
    "{ printf 'mode = '; head -c 10000000 /dev/zero | tr '\\0' x; echo; } >/etc/asl/asl.conf"
)
vm.decide()
vm.expect_none("config-error", rule="config-error")
vm.expect_reason("/etc/asl/asl.conf:")
