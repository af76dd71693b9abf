# Volumes of one group, one decision: the file system on each, its id, label and store are what blkid
# and the mount saw while the group was active.
disks = [vm.loop(megabytes=100) for _ in range(3)]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(f"pvcreate -q {nodes} 2>&1; vgcreate -q -s 1M data {nodes} 2>&1", *disks)
KINDS = {
    "striped": "-l 21 -i 3 -I 64",
    "raid5": "--type raid5 -i 2 -I 64 -l 20 --nosync",
    "raid1": "--type raid1 -m 1 -l 20 --nosync",
    "linear": "-l 20",
    "across": "-l 90",  # no disk has as many free by now
}
seen = {}
for name, how in KINDS.items():
    vm.succeed(f"DM_DISABLE_UDEV=1 lvcreate -q -y -Zn -Wn -n {name} {how} data 2>&1")
    seen[name] = vm.known_store(f"/dev/mapper/data-{name}", label=name)
vm.set_up("DM_DISABLE_UDEV=1 vgchange -q -an data 2>&1", *disks)
vm.decide()
for name, known in seen.items():
    vm.check(f"seen through {name}", vm.seen_through(known), known)
