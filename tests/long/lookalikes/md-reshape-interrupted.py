# An array that was on its way from three disks to four: starting it would go on with that. Its
# mdadm, which watches over the backup and keeps the array open, dies too, and who waits for what it
# held back is let go.
disks = [vm.loop() for _ in range(4)]
nodes = " ".join(disk.whole for disk in disks[:3])
md = "/sys/block/md9/md"
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=5 --raid-devices=3 --chunk=64 --assume-clean {nodes} 2>&1;"
    f" mdadm /dev/md9 --add {disks[3].whole} 2>&1; echo 20 >{md}/sync_speed_min;"
    f" echo 20 >{md}/sync_speed_max;"
    " mdadm --grow /dev/md9 --raid-devices=4 --backup-file=/run/lab/backup 2>&1;"
    f" until mdadm --examine {disks[0].whole} | grep 'Reshape pos'; do sleep 0.5; done;"
    f" echo frozen >{md}/sync_action; while pkill -x mdadm; do sleep 0.2; done;"
    f" echo 0 >{md}/suspend_lo; echo 0 >{md}/suspend_hi; udevadm settle;"
    " mdadm --stop /dev/md9 2>&1; rm -f /run/lab/backup",
    *disks,
)
vm.decide()
vm.check("mode", vm.state.mode["mode"], "none")
vm.check_in("flags of the array", "reshaping", " ".join(vm.pool("md")["flags"]))
