"""What preflight knows of arrays, groups and containers that the guest's own tools and drivers
made. Nothing is assembled or unlocked to look."""

with lab.boot("direct") as vm:
    lab.run_situations(vm)
