# A stick with an ISO 9660 file system on the whole disk, and a table with a store in a partition
# behind it: the partition is the store's, and the disk is no file system to mount.
disk = vm.loop("ext4", partitions=1, partition=1)
iso = lab.small_iso()
vm.bring(iso)
vm.set_up(
    f"dd if=/run/lab/{iso.name} of={disk.whole} bs=2048 skip=16 seek=16 conv=notrunc status=none",
    disk,
)
vm.check("as blkid sees the disk", vm.line(f"blkid -p -s TYPE -o value {disk.whole}"), "iso9660")
vm.decide()
vm.expect_local(disk)
