# The proof that disks are untouched must fail when one is touched: a write, and a discard.
disk = vm.disk("blank")
node = vm.node(disk)
vm.check_disks()
vm.succeed(f"dd if=/dev/urandom of={node} bs=512 count=1 seek=64 conv=notrunc,fsync status=none")
vm.check_in("control", "writes", vm.must_be_touched(vm.check_disks))
vm.remember_disks()
vm.succeed(f"blkdiscard --offset 0 --length 1MiB {node}")
vm.check_in("control", "unmaps", vm.must_be_touched(vm.check_disks))
vm.remember_disks()

loop = vm.loop("ext4")
vm.check_loop(loop)
vm.succeed(
    f"dd if=/dev/urandom of={loop.node} bs=512 count=1 seek=64 conv=notrunc,fsync status=none"
)
vm.must_be_touched(vm.check_loop, loop)
vm.remember(loop)
# A write that restores what was there leaves the hash, but not the counter.
vm.succeed(f"dd if={loop.node} of={loop.node} bs=512 count=1 conv=notrunc,fsync status=none")
vm.must_be_touched(vm.check_loop, loop)
vm.remember(loop)
