# The kernel refuses a write open under the unit's own properties, and allows a read.
node = vm.node(vm.disk("blank"))
names = "DevicePolicy DeviceAllow CapabilityBoundingSet NoNewPrivileges ProtectSystem RestrictNamespaces"
unit = vm.succeed("systemctl cat asl-preflight.service")
properties = [
    line
    for line in unit.splitlines()
    if line.split("=")[0] in names.split() and not line.startswith("#")
]
vm.check_in("asl-preflight.service", "DevicePolicy=closed", "\n".join(properties))
run = "systemd-run --quiet --pipe --wait " + " ".join(f"-p '{line}'" for line in properties)
vm.succeed(f"{run} dd if={node} of=/dev/null bs=512 count=1 2>&1")
seen = vm.fail(f"{run} dd if=/dev/zero of={node} bs=512 count=1 conv=notrunc 2>&1")
vm.check_in("write open", "Operation not permitted", seen)
