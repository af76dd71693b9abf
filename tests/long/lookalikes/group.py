"""Disks that can be taken for something else: what one tool or another is known to get wrong, with
the partitions and nodes that the kernel shows of them."""

with lab.boot("direct", memory=1536) as vm:
    lab.run_situations(vm)
