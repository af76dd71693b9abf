# A store in a file of a disk that is no store: the disk is mounted for root alone, and the file
# attached from there. A link that leads out of the disk is not followed.
disk = vm.loop("ext4", tree=False, megabytes=96)
store = "6f0f7c1e-52a4-4f0c-8b0e-2f6f3f9d9c12"
vm.set_up(
    "truncate -s 32M /run/lab/store.img; . /run/lab.sh;"
    f" store_on /run/lab/store.img ext4 {store} 1 {store} .;"
    f" mount {disk.whole} /run/lab/mnt; mkdir /run/lab/mnt/images;"
    " cp --sparse=always /run/lab/store.img /run/lab/mnt/images/store.img;"
    " ln -s /run/lab/store.img /run/lab/mnt/images/link.img;"
    " umount /run/lab/mnt",
    disk,
)
vm.configure(f"local.image = {disk.fs}:/images/store.img")
vm.decide()
vm.expect_import(
    disk.whole,
    *("mount", "attach", "mount-content"),
    store=f"{disk.fs}:/images/store.img",
    by_hand=True,
)
vm.configure(f"local.image = {disk.fs}:/images/link.img")
vm.decide(activate=False)
vm.expect_mode(mode="import", source=disk.whole)
vm.expect_activation_fails("images/link.img: a link")
vm.expect_nodes_as_before("the failure")
vm.succeed("rm /run/lab/store.img")
