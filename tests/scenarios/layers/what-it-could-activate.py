# The drivers and tools of layers in the facts are those that the guest's own kmod and shell find.
drivers = (
    "bcache bcachefs btrfs cifs dm_cache dm_crypt dm_integrity dm_mirror dm_mod dm_multipath dm_raid"
    " dm_snapshot dm_thin_pool dm_verity drbd fuse linear loop md_mod nbd nfs nfsv3 nfsv4 raid0 raid1"
    " raid10 raid456 zfs"
).split()
tools = (
    "bcachefs btrfs cryptsetup dmsetup losetup lvm mdadm mount.cifs mount.nfs sshfs systemd-ask-password"
    " zpool"
).split()
vm.decide()
system = vm.facts["facts"]["system"]
found = vm.line(f"for each in {' '.join(drivers)}; do modprobe -nq $each && echo $each; done; true")
vm.check("drivers", [one for one in system["drivers"] if one in drivers], found.split())
vm.check("some drivers", {"dm_crypt", "dm_mod", "raid1"} <= set(system["drivers"]), True)
found = vm.line(f"for each in {' '.join(tools)}; do command -v $each >/dev/null && echo $each; done; true")
vm.check("tools", system["tools"], found.split())
vm.check("some tools", {"cryptsetup", "mdadm"} <= set(system["tools"]), True)
