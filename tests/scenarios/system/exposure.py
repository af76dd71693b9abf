# systemd's own judgement of what each unit could do. Activation mounts, so it has no bound here.
import re

for unit, most in (("preflight", 2.0), ("rerun", 2.0), ("watch", 2.0), ("intake", 2.5)):
    seen = vm.succeed(f"systemd-analyze security --no-pager asl-{unit}.service | tail -n 1")
    score = float(re.search(r"([0-9.]+) [A-Z]+", seen.split("service:")[1])[1])
    vm.check(f"asl-{unit}.service: {score}: at most {most}", score <= most, True)
    lab.note(**{unit: score})
