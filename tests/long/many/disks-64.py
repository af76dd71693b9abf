# One disk, 8 and 64, no two alike, and one store: the times of the decisions are in the result.
MAKERS = (
    "mkfs.ext4 -q -F",
    "mkswap -q",
    "mkfs.vfat",
    "true",
    "wipefs -q",
    "mkfs.ext2 -q -F",
    "mkfs.f2fs -q",
)
good = vm.loop("ext4")
made = 0
for disks in (1, 8, 64):
    script = "; ".join(
        f"truncate -s {48 if 'f2fs' in maker else 8}M /run/lab/more/{number}; "
        f"{maker} /run/lab/more/{number} >/run/lab/out 2>&1; losetup --find /run/lab/more/{number}"
        for number, maker in ((number, MAKERS[number % len(MAKERS)]) for number in range(made, disks - 1))
    )
    made = disks - 1
    vm.succeed(f"mkdir -p /run/lab/more; {script or 'true'}; udevadm settle")
    vm.decide()
    vm.expect_local(good)
    devices = vm.facts["facts"]["devices"]
    vm.check(
        "loop devices that were read",
        len([d for d in devices if "/lab/more/" in (d["backing_file"] or "")]),
        made,
    )
    figures = vm.figures()
    lab.note(**{f"{name}_{disks}": figures[name] for name in ("preflight_wall", "preflight_cpu")})
vm.release()
vm.succeed(
    "losetup -nO NAME,BACK-FILE | awk '/lab.more/ { print $1 }' | xargs -n 1 losetup -d; rm -r /run/lab/more"
)
