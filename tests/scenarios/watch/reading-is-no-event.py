# Preflight's own reads, and anybody's, wake nobody.
disk = vm.loop("ext4")
vm.decide()
vm.watch()
runs = "journalctl -b -o cat -u asl-rerun.service | grep -c ^Starting || true"
before = vm.line(f"sleep 4; {runs}")
vm.succeed(f"asl-admin preflight --dry-run; dd if={disk.node} of=/dev/null bs=1M status=none; sleep 4")
vm.check("reruns", vm.line(runs), before)
