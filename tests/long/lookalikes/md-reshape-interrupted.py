# An array that was on its way from three disks to four: starting it would go on with that. Its
# mdadm, which watches over the backup and keeps the array open, dies too.
disks = [vm.loop() for _ in range(4)]
nodes = " ".join(disk.whole for disk in disks[:3])
md = "/sys/block/md9/md"
vm.set_up(
    f"mdadm --create /dev/md9 --run --level=5 --raid-devices=3 --chunk=64 --assume-clean {nodes} 2>&1;"
    f" mdadm /dev/md9 --add {disks[3].whole} 2>&1; echo 1024 >{md}/sync_max;"
    " mdadm --grow /dev/md9 --raid-devices=4 --backup-file=/run/lab/backup 2>&1;"
    f" for _ in $(seq 50); do test $(cut -d' ' -f1 {md}/sync_completed) = none || break; sleep 0.2; done;"
    f" sleep 1; echo frozen >{md}/sync_action; while pkill -x mdadm; do sleep 0.2; done;"
    " mdadm --stop /dev/md9 2>&1; rm -f /run/lab/backup",
    *disks,
)
vm.decide()
vm.check("mode", vm.state.mode["mode"], "none")
vm.check_in("flags of the array", "reshaping", " ".join(vm.pool("md")["flags"]))
