"""What the module costs a boot: the same machine with it and without, in turns, and the medians of
kernel start to a finished boot, to the decision and to an intake that is ready, in seconds."""

from statistics import median

seen = {"with": [], "without": [], "decision": [], "intake": []}
for _ in range(3):
    for loaded in (True, False):
        options = "" if loaded else "loadsrm=n"
        with lab.boot("direct", cmdline=options, attach=("ext4",), decides=loaded) as vm:

            def seconds(what):
                return int(vm.line(f"systemctl show --value -p {what}")) / 1e6

            seen["with" if loaded else "without"].append(seconds("FinishTimestampMonotonic"))
            if loaded:
                vm.expect_local(vm.disk("ext4"))
                seen["decision"].append(vm.figures()["kernel_to_decision"])
                ready = seconds("ActiveEnterTimestampMonotonic asl-intake.service")
                seen["intake"].append(ready)
medians = {name: round(median(values), 1) for name, values in seen.items()}
lab.note(**{f"median_{name}": value for name, value in medians.items()})
lab.figures |= lab.notes
