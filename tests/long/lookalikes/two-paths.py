# One disk on two paths, as behind a SAS expander without multipathd: the same world-wide id twice
# is one disk, and no clone.
one = vm.plug("path", wwn=0x5000C50015EA71AC)
two = vm.plug("path", wwn=0x5000C50015EA71AC)
nodes = vm.node(one).split()
vm.check("nodes of the disk", len(nodes), 2)
store, fs = vm.make_store(nodes[0], "ext4")
vm.succeed(f"blockdev --flushbufs {nodes[1]}")
vm.remember_disks()
vm.decide()
twins = [twin for twin in vm.facts["facts"]["twins"] if twin["id"] == fs]
vm.check("one disk", [twin["one_disk"] for twin in twins], [True])
vm.check("a clone", "clone" in vm.state.mode["reason"], False)
