# An array that another machine made: its name says so, and that is all that it says.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
vm.set_up(
    "mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --assume-clean --homehost=elsewhere"
    f" --name=tank {nodes} 2>&1; mdadm --stop /dev/md9 2>&1",
    *disks,
)
vm.decide()
vm.expect_pool("md", name="elsewhere:tank", health="complete", missing=[], flags=[])
