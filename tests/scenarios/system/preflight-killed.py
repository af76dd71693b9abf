# A preflight that is killed leaves a mode file that says so, and the boot goes on.
vm.succeed("systemctl stop asl-preflight.service; mv /run/asl/mode /run/asl/mode.kept")
vm.succeed("systemctl start --no-block asl-preflight.service")
vm.wait_for("[ $(systemctl show -P MainPID asl-preflight.service) != 0 ]")
vm.succeed("systemctl kill --signal=KILL asl-preflight.service")
vm.wait_for("[ -e /run/asl/mode ]")
vm.expect_none("internal", rule="internal")
vm.expect_reason("signal", "systemctl restart asl-preflight")
vm.succeed("systemctl restart asl-preflight.service; rm /run/asl/mode.kept")
vm.seen = None
vm.expect_none("empty", rule="empty")
