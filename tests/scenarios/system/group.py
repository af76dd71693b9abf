"""What the running system must not allow, and what it must offer. A blank disk is attached."""

with lab.boot("direct", attach=("blank",)) as vm:
    lab.run_situations(vm)
