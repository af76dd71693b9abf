# A mirror whose halves were each started alone: both have a history of their own.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
alone = "; ".join(
    f"mdadm --assemble --run /dev/md9 {disk.whole} 2>&1; . /run/lab.sh;"
    f" store_on /dev/md9 ext4 $(cat /proc/sys/kernel/random/uuid) 1 s{number} .;"
    " mdadm --stop /dev/md9 2>&1"
    for number, disk in enumerate(disks)
)
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --assume-clean {nodes} 2>&1;"
    f" mdadm --stop /dev/md9 2>&1; {alone}",
    *disks,
)
vm.decide()
vm.check("mode", vm.state.mode["mode"], "none")
vm.check_in("flags of the array", "split-brain", " ".join(vm.pool("md")["flags"]))
