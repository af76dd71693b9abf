"""The disk of the served store is pulled out: the node says that it is lost, stops serving, and
takes nothing else in its place before somebody says so."""

with lab.boot("direct", attach=("ext4", "blank")) as vm:
    disk = vm.disk("ext4")
    vm.expect_local(disk)
    vm.watch()
    vm.pull(disk)
    vm.wait_for("grep -q ^code=.store-lost /run/asl/mode")
    vm.wait_for("systemctl show -p ActiveState asl-activate.service | grep -q =inactive")
    vm.expect_none("store-lost", rule="rerun")
    vm.expect_reason(disk.store)
    vm.check_in("the console", "store-lost", vm.succeed("cat /run/asl/issue"))
    # Another store comes, and waits for a word.
    generation = vm.state.mode["generation"]
    node = vm.node(vm.disk("blank"))
    store, _ = vm.make_store(node, "ext4")
    vm.remember_disks()
    vm.succeed(f"sleep 15; udevadm trigger --settle --action=change {node}; sleep 5")
    vm.wait_for(f"! grep -q \"^generation='{generation}'\" /run/asl/mode")
    vm.expect_none("store-lost", rule="rerun")
    vm.decide()
    vm.expect_mode(mode="local", store=store, source=node)
