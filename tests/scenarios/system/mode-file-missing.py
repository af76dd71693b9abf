# Without a mode file intake does not start, and says why.
vm.succeed("mv /run/asl/mode /run/asl/mode.kept")
vm.check_in("asl-intake", "/run/asl/mode", vm.fail("asl-intake 2>&1"))
vm.check("asl-admin mode: status", vm.line("asl-admin mode >/dev/null 2>&1 || echo $?"), "4")
vm.succeed("mv /run/asl/mode.kept /run/asl/mode")
