# A store on a mirror: the array is known with both halves, and assembled for the mount.
disks = [vm.loop(), vm.loop()]
nodes = " ".join(disk.whole for disk in disks)
said = vm.set_up(
    f"mdadm --create /dev/md9 --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean {nodes} 2>&1;"
    " . /run/lab.sh; store_on /dev/md9 ext4 $(cat /proc/sys/kernel/random/uuid) 1 5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f .;"
    " mdadm --stop /dev/md9 2>&1;"
    f" mdadm --examine --export {disks[0].whole}",
    *disks,
)
array = next(line.split("=")[1] for line in said.splitlines() if line.startswith("MD_UUID="))
vm.decide()
pool = vm.pool("md")
vm.check("id of the array", pool["id"].replace("-", ""), array.replace(":", ""))
vm.expect_import(f"md:{pool['name']}", "assemble", "mount", store="5f0e2c4a-93d1-4c7e-8a66-1d2b3c4d5e6f")
vm.expect_pool("md", level="raid1", health="complete", expected=2, missing=[], active=[])
