"""Imports, up and down again, with the guest's own tools and drivers: what the steps of a decision
come to, and that nothing of it reaches a disk."""

with lab.boot("direct") as vm:
    lab.run_situations(vm)
