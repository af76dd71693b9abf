# Under the properties of preflight's unit the kernel refuses every open for writing and every
# change of a device, whatever driver it is of: partition, loop device, device-mapper, md.
part, mapped = vm.loop("ext4", partitions=1, partition=1), vm.mapped("ext4")
half = vm.loop()
vm.set_up(
    f"mdadm --create /dev/md8 --run --level=1 --raid-devices=2 {half.whole} missing 2>&1", half
)
unit = vm.succeed("systemctl cat asl-preflight.service")
names = ("DevicePolicy", "DeviceAllow", "CapabilityBoundingSet", "NoNewPrivileges")
properties = [line for line in unit.splitlines() if line.split("=")[0] in names]
vm.check("properties of asl-preflight.service", len(properties), len(names))
run = "systemd-run --quiet --pipe --wait " + " ".join(f"-p '{line}'" for line in properties)
nodes = (part.whole, part.node, mapped.node, "/dev/md8")
# One shell for all of it: each process costs a tenth of a second under emulation.
script = "".join(
    f"head -c 512 {node} | wc -c; exec 3>>{node} && echo open; exec 3<>{node} && echo open;"
    f" blockdev --setro {node} && echo set; blockdev --flushbufs {node} && echo flushed;"
    for node in nodes
)
seen = vm.succeed(f"{run} bash -c '{script} true' 2>/dev/null").split()
vm.set_up("mdadm --stop /dev/md8 2>&1", half)  # md writes of its own end
vm.check("what is allowed", seen, ["512"] * len(nodes))
