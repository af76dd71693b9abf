"""The root shell that the drivers talk to, brought in without touching the image.

systemd (256 or newer) takes units from SMBIOS type 11 strings as credentials. Three are given:
the shell's unit, a drop-in that has multi-user.target want it, and one that keeps a login prompt
off the same console, whose output would break the base64 that the drivers read.

The shell waits for its node itself: systemd gives a device unit up after 90 s, and a guest under
emulation on a busy host has been seen to need longer. Then there was no shell, and no word why.
"""

import base64

UNIT = """\
[Unit]
Description=Root shell for the VM test
Conflicts=serial-getty@hvc0.service
IgnoreOnIsolate=yes
[Service]
Environment=USER=root HOME=/root PAGER=
ExecStart=/bin/bash -c 'until [ -c /dev/hvc0 ]; do sleep 0.2; done; cd /tmp; exec </dev/hvc0 >/dev/hvc0 2>/dev/ttyS0; \
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
