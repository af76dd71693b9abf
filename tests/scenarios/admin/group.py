"""The operator's commands on a running node. A disk of the host has a serial number, which consent
names; the loop devices of the situations have none."""

with lab.boot("direct", attach=("ext4",)) as vm:
    lab.run_situations(vm)
