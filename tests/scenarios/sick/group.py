"""Disks that answer late, wrongly or not at all. What is wrong with one is its own matter: the
decision comes in time, and the disk beside it serves."""

with lab.boot("direct", memory=1536) as vm:
    lab.run_situations(vm)
