"""Volume groups as they are met on foreign machines: incomplete, claimed, twice, or simply not ours."""

with lab.boot("direct") as vm:
    lab.run_situations(vm)
