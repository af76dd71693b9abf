"""Many disks, and large ones: what is asked of each is bounded, and so is the time of the decision."""

with lab.boot("direct", memory=1536) as vm:
    lab.run_situations(vm)
