# The plug was pulled from a volume on a mirror: three layers come up, the log is replayed into
# memory, and all of it goes away again.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    f"export DM_DISABLE_UDEV=1;"
    f" mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --assume-clean {nodes} 2>&1;"
    " pvcreate -q /dev/md9 2>&1; vgcreate -q deep /dev/md9 2>&1;"
    " lvcreate -q -Zn -Wn -l 5 -n store deep 2>&1",
    *disks,
)
store, _ = vm.make_store("/dev/mapper/deep-store", "ext4")
# A frozen copy of the volume with its log as it is, put back when the file system is gone.
vm.set_up(
    "export DM_DISABLE_UDEV=1; mount /dev/mapper/deep-store /run/lab/mnt;"
    " dd if=/dev/zero of=/run/lab/mnt/blocks/late bs=4096 count=3 conv=fsync status=none; sync;"
    " dd if=/dev/mapper/deep-store of=/run/lab/frozen bs=1M iflag=direct status=none;"
    " umount /run/lab/mnt;"
    " dd if=/run/lab/frozen of=/dev/mapper/deep-store bs=1M conv=fsync status=none;"
    " rm /run/lab/frozen; vgchange -q -an deep 2>&1; mdadm --stop /dev/md9 2>&1",
    *disks,
)
vm.decide()
vm.expect_import(
    "deep/store", "assemble", "activate-volume", "snapshot", "mount", store=store, by_hand=True
)
