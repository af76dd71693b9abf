# Arrays of every level, one decision: the file system on each, its id, label and store, and the
# store in it are what blkid and the mount saw while the array was assembled.
LEVELS = {"raid0": 2, "raid1": 2, "raid5": 3, "raid6": 4, "raid10": 4}
disks, seen = [], {}
for number, (level, count) in enumerate(LEVELS.items()):
    members = [vm.loop(megabytes=20) for _ in range(count)]
    chunk = "" if level == "raid1" else "--chunk=64"
    vm.succeed(
        f"mdadm --create /dev/md{number} --run --level={level} --raid-devices={count} {chunk}"
        f" --metadata=1.2 --assume-clean {' '.join(disk.whole for disk in members)} 2>&1"
    )
    seen[level] = vm.known_store(f"/dev/md{number}", label=level)
    disks += members
vm.set_up("mdadm --stop /dev/md? 2>&1", *disks)
vm.decide()
for level, known in seen.items():
    vm.check(f"seen through {level}", vm.seen_through(known), known)
