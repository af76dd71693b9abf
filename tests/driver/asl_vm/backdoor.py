"""The root shell that the drivers talk to, brought in without touching the image.

systemd (256 or newer) takes units from SMBIOS type 11 strings as credentials. Three are given:
the shell's unit, a drop-in that has multi-user.target want it, and one that keeps a login prompt
off the same console, whose output would break the base64 that the drivers read.
"""

import base64

UNIT = """\
[Unit]
Description=Root shell for the VM test
Requires=dev-hvc0.device dev-ttyS0.device
After=dev-hvc0.device dev-ttyS0.device
Conflicts=serial-getty@hvc0.service
IgnoreOnIsolate=yes
[Service]
Environment=USER=root HOME=/root PAGER=
ExecStart=/bin/bash -c 'cd /tmp; exec </dev/hvc0 >/dev/hvc0 2>/dev/ttyS0; \
stty -F /dev/hvc0 raw -echo; echo "Spawning backdoor root shell..."; \
PS1= exec /bin/bash --norc /dev/hvc0'
KillSignal=SIGHUP
"""

CREDENTIALS = {
    "systemd.extra-unit.backdoor.service": UNIT,
    "systemd.unit-dropin.multi-user.target": "[Unit]\nWants=backdoor.service\n",
    "systemd.unit-dropin.serial-getty@hvc0.service": "[Unit]\nConditionPathExists=!/dev/hvc0\n",
}


def smbios_args() -> list[str]:
    args = []
    for name, text in CREDENTIALS.items():
        value = base64.b64encode(text.encode()).decode()
        args += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={value}"]
    return args
