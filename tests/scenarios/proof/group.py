"""That nothing is written before consent: what preflight opens, what the kernel refuses it, and
which mount options of which file system leave a disk as it is. The table is in README.md."""

with lab.boot("direct", memory=1536) as vm:
    lab.run_situations(vm)
