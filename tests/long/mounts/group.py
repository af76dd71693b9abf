"""What a mount does to the disk, for each file system that the kernel mounts, with the options that
may come before consent: see README.md, the table of what is asserted here."""

with lab.boot("direct", memory=1536) as vm:
    lab.run_situations(vm)
