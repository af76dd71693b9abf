# Every open and every ioctl of a block device while preflight runs, as the kernel itself sees them:
# none but to read, none but to ask. An open for writing would be seen.
O_RDONLY, O_NONBLOCK, O_LARGEFILE, O_CLOEXEC = 0, 0o4000, 0o100000, 0o2000000
ALLOWED = O_RDONLY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC
ASKS = {0x80081272: "BLKGETSIZE64", 0x1268: "BLKSSZGET", 0x125E: "BLKROGET"}

disks = [vm.loop(), vm.loop("ext4"), vm.loop("xfs", partitions=1, partition=1), vm.mapped("btrfs")]
with vm.traced() as trace:
    vm.decide(activate=False)
opened = {line["dev"] for line in trace if line["event"] == "open"}
for disk in disks:
    vm.check(f"{disk.node} was opened", vm.devnum(disk.node) in opened, True)
wrong = [line for line in trace if line["event"] == "open" and line["value"] & ~ALLOWED]
vm.check("opens of block devices for more than reading", wrong, [])
wrong = [line for line in trace if line["event"] == "ioctl" and line["value"] not in ASKS]
vm.check("ioctls of block devices that do more than ask", wrong, [])
lab.note(opens=sum(line["event"] == "open" for line in trace), devices=len(opened))

with vm.traced() as trace:
    vm.succeed(f"dd if=/dev/zero of={disks[0].node} count=0 conv=notrunc status=none")
    vm.succeed(f"blockdev --setra 256 {disks[0].node}")
flags = [line["value"] for line in trace if line["event"] == "open"]
vm.check("an open for writing is seen", any(flag & ~ALLOWED for flag in flags), True)
calls = [line["value"] for line in trace if line["event"] == "ioctl"]
vm.check("an ioctl that sets is seen", any(call not in ASKS for call in calls), True)
