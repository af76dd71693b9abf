# A store on a mirror: the array is known with both halves, and nothing is assembled.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
said = vm.set_up(
    f"mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean {nodes} 2>&1;"
    " mkfs.ext4 -q /dev/md9; mdadm --stop /dev/md9 2>&1;"
    f" mdadm --examine --export {disks[0].whole}",
    *disks,
)
array = next(line.split("=")[1] for line in said.splitlines() if line.startswith("MD_UUID="))
vm.decide()
vm.expect_none("no-store", rule="nothing-read")
vm.expect_pool("md", level="raid1", health="complete", expected=2, missing=[], active=[])
vm.check("id of the array", vm.pool("md")["id"].replace("-", ""), array.replace(":", ""))
