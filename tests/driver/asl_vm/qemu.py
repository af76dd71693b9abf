"""QEMU command lines: accelerator, firmware, medium, disks, and the second QMP socket."""

import json
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

QEMU = "qemu-system-x86_64"
MEDIUM_SERIAL = "ASL-MEDIUM"
VARS = "vars.fd"  # in the state directory, which is QEMU's working directory
PROBE_SECONDS = 2  # a working KVM runs the probe in a tenth of a second


@cache
def accelerator() -> str:
    """`kvm` if it runs a guest, else `tcg`.

    A /dev/kvm can be there, open, and hang or kill every guest, so only a guest can tell: its
    boot sector asks the exit device to end QEMU with status 0x10 << 1 | 1. The firmware before
    it has used interrupts and timers by then.
    """
    if not Path("/dev/kvm").exists():
        return "tcg"
    sector = bytes.fromhex("b010 e6f4 f4 ebfd").ljust(510, b"\0") + b"\x55\xaa"
    with tempfile.NamedTemporaryFile() as disk:
        disk.write(sector.ljust(1 << 20, b"\0"))
        disk.flush()
        command = [QEMU, "-accel", "kvm", "-cpu", "host", "-m", "32", "-nodefaults"]
        command += ["-display", "none", "-no-reboot"]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        command += ["-drive", f"if=virtio,format=raw,readonly=on,file={disk.name}"]
        try:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=PROBE_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return "tcg"
    return "kvm" if done.returncode == 0x21 else "tcg"


def base_command(memory: int, smp: int, firmware: str) -> list[str]:
    accel = accelerator()
    machine = "q35,smm=on" if firmware == "secure-boot" else "q35"
    # `max` under emulation: the default CPU lacks what trixie's tools may use.
    command = [QEMU, "-machine", machine, "-accel", accel]
    command += ["-cpu", "host" if accel == "kvm" else "max"]
    command += ["-smp", str(smp), "-m", str(memory), "-nic", "none"]
    command += ["-device", "virtio-scsi-pci,id=hba"]
    return command


def firmware_args(firmware: str, files: Path) -> list[str]:
    """Pflash for the two UEFI kinds; SeaBIOS is QEMU's own."""
    if firmware not in ("uefi", "secure-boot"):
        return []
    code = "OVMF_CODE.secboot.fd" if firmware == "secure-boot" else "OVMF_CODE.fd"
    args = ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={files / code}"]
    args += ["-drive", f"if=pflash,unit=1,format=raw,file={VARS}"]
    if firmware == "secure-boot":
        # Without it the guest could write the key store that Secure Boot rests on.
        args += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return args


def copy_variables(firmware: str, files: Path, state_dir: Path) -> None:
    """The firmware's variables, which it writes; those for Secure Boot hold the keys."""
    if firmware in ("uefi", "secure-boot"):
        name = "OVMF_VARS.ms.fd" if firmware == "secure-boot" else "OVMF_VARS.fd"
        shutil.copyfile(files / name, state_dir / VARS)


def medium_args(kind: str, path: Path, writable: bool) -> list[str]:
    lock = "off" if writable else "on"
    drive = ["-drive", f"if=none,id=medium,format=raw,readonly={lock},file={path}"]
    device = {
        "cdrom": "ide-cd,drive=medium",
        "disk": f"virtio-blk-pci,drive=medium,serial={MEDIUM_SERIAL}",
        "usb": f"usb-storage,drive=medium,removable=on,serial={MEDIUM_SERIAL}",
    }[kind]
    usb = ["-device", "qemu-xhci"] if kind == "usb" else []
    return drive + usb + ["-device", f"{device},bootindex=1"]


def disk_args(index: int, drive: str, file: str, serial: str) -> list[str]:
    """scsi-hd, because its discards are counted; with virtio-blk and nvme they are not."""
    return [
        *("-drive", f"if=none,id={drive},format=raw,discard=unmap,file={file}"),
        *("-device", f"scsi-hd,bus=hba.0,scsi-id={index},drive={drive},serial={serial}"),
    ]


def plug(qmp: "Qmp", drive: str, file: str, **device: Any) -> None:
    """Attach one more disk to a running guest; a second path to one that is there without a file."""
    if file:
        below = {"driver": "file", "filename": file}
        qmp.ask("blockdev-add", driver="raw", **{"node-name": drive}, discard="unmap", file=below)
    scsi = {"driver": "scsi-hd", "bus": "hba.0", "drive": drive, "share-rw": True}
    qmp.ask("device_add", **scsi, **device)


def shell_line(args: list[str]) -> str:
    """`exec`: the drivers end the process that they started, which must be QEMU itself."""
    return "exec " + shlex.join(args)


class Qmp:
    """Our own QMP connection: what the drivers offer as qmp_client differs between versions."""

    ARGS = ("-qmp", "unix:lab-qmp,server=on,wait=off")  # in the state directory, QEMU's cwd

    def __init__(self, state_dir: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        end = time.monotonic() + 30
        while True:
            try:
                self.socket.connect(str(state_dir / "lab-qmp"))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.lines.readline()
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:
        question = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(question).encode() + b"\n")
        while line := self.lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"QMP {command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]
        raise RuntimeError(f"QMP {command}: QEMU closed the connection")

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
