"""asl.conf, as the operator of a running node changes it; one store is always attached."""

with lab.boot("direct") as vm:
    lab.run_situations(vm)
