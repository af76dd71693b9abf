"""What preflight makes of one disk or another. The disks are loop devices of one guest."""

with lab.boot("direct") as vm:
    lab.run_situations(vm)
