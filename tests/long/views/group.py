"""What preflight reads through arrays and volumes that nobody assembled, against what the kernel's
own drivers show of the same disks."""

with lab.boot("direct", memory=1536) as vm:
    lab.run_situations(vm)
