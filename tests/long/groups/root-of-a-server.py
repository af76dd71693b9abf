# A server's own root on a volume holds no store: it is read to the end and never brought up.
disk = vm.loop()
vm.set_up(
    f"export DM_DISABLE_UDEV=1; pvcreate -q {disk.whole} 2>&1; vgcreate -q ubuntu-vg {disk.whole} 2>&1;"
    " lvcreate -q -Zn -Wn -l 5 -n ubuntu-lv ubuntu-vg 2>&1; . /run/lab.sh;"
    " store_on /dev/mapper/ubuntu--vg-ubuntu--lv ext4 $(cat /proc/sys/kernel/random/uuid) 0 '' .;"
    " vgchange -q -an ubuntu-vg 2>&1",
    disk,
)
vm.decide()
vm.expect_none("empty")
vm.expect_nodes_as_before("the decision")
