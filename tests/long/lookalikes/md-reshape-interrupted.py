# An array that was on its way from three disks to four, and was stopped: starting it would go on
# with that.
disks = [vm.loop() for _ in range(4)]
nodes = " ".join(disk.whole for disk in disks[:3])
md = "/sys/block/md9/md"
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=5 --raid-devices=3 --chunk=64 --assume-clean {nodes} 2>&1;"
    f" mdadm /dev/md9 --add {disks[3].whole} 2>&1; echo 100 >{md}/sync_speed_min;"
    f" echo 100 >{md}/sync_speed_max;"
    " mdadm --grow /dev/md9 --raid-devices=4 --backup-file=/run/lab/backup 2>&1;"
    f" until mdadm --examine {disks[0].whole} | grep 'Reshape pos'; do sleep 0.5; done;"
    " for _ in $(seq 30); do mdadm --stop /dev/md9 2>&1 && break; sleep 1; done;"
    f" test ! -e {md}; rm -f /run/lab/backup",
    *disks,
)
vm.decide()
vm.check("mode", vm.state.mode["mode"], "none")
vm.check_in("flags of the array", "reshaping", " ".join(vm.pool("md")["flags"]))
