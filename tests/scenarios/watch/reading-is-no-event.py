# Preflight's own reads, and anybody's, wake nobody.
disk = vm.loop("ext4")
vm.decide()
vm.watch()
vm.succeed("sleep 4")
before = vm.reruns()
vm.succeed(f"asl-admin preflight --dry-run; dd if={disk.node} of=/dev/null bs=1M status=none")
vm.succeed("sleep 4")
vm.check("reruns", vm.reruns(), before)
# The control: what the kernel says of a change does.
vm.succeed(f"udevadm trigger --action=change {disk.node}")
vm.wait_for_rerun(before)
