"""The scenario's own object: boots guests, runs situations, writes the result."""

import json
import os
import queue
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import backdoor, disks, qemu
from .check import Mismatch, check
from .endpoint import Endpoint
from .guest import SIZES, Guest

SERIAL_TAIL = 40  # lines of the serial console shown when a scenario fails


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Lab:
    """`artifacts` holds store paths: image, firmware, imageTools, fixtures, situations."""

    def __init__(self, create_machine: Callable[..., Any], artifacts: str) -> None:
        self.create_machine = create_machine
        self.artifacts: dict[str, str] = json.loads(artifacts)
        self.suite = self.artifacts["suite"]
        self.out = Path(os.environ.get("out", "."))
        self.tests: list[dict[str, Any]] = []
        self.failed: list[str] = []
        self.skipped: list[dict[str, str]] = []
        self.figures: dict[str, Any] = {}
        self.fixtures: dict[str, dict[str, str]] = {}
        self.notes: dict[str, Any] = {}  # figures of the situation that runs
        self.boots = 0
        self.begin = time.monotonic()

    # What is booted

    def path(self, artifact: str) -> Path:
        return Path(self.artifacts[artifact])

    def image(self) -> dict[str, str]:
        return dict(json.loads((self.path("image") / "image.json").read_text()))

    def iso(self) -> Path:
        return self.path("image") / self.image()["iso"]

    def remaster(self, target: str, *xorriso: str) -> Path:
        """A copy of the ISO with something added, its boot equipment kept."""
        path = Path(os.environ.get("TMPDIR", "/tmp")) / target
        path.unlink(missing_ok=True)
        tool = self.path("imageTools") / "bin/xorriso"
        command = [str(tool), "-indev", str(self.iso()), "-outdev", str(path)]
        command += ["-boot_image", "any", "replay", *xorriso]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        check(f"xorriso {' '.join(xorriso)}: {done.stderr}: status", done.returncode, 0)
        return path

    def made_by(self, name: str, megabytes: int, *command: str) -> Path:
        """An image that a tool of the host's pinned Debian 13 makes; its path is added."""
        path = Path(os.environ.get("TMPDIR", "/tmp")) / f"{name}.img"
        path.unlink(missing_ok=True)
        if megabytes:
            disks.blank(path, megabytes)
        tool = self.path("oracleTools") / "bin" / command[0]
        done = subprocess.run(
            [str(tool), *command[1:], str(path)], check=False, capture_output=True, text=True
        )
        check(f"{' '.join(command)}: {done.stderr}: status", done.returncode, 0)
        return path

    def small_iso(self) -> Path:
        """An ISO 9660 file system of a few hundred KiB."""
        path = Path(os.environ.get("TMPDIR", "/tmp")) / "small.iso"
        path.unlink(missing_ok=True)
        tool = self.path("imageTools") / "bin/xorriso"
        command = [str(tool), "-outdev", str(path), "-volid", "SMALL"]
        command += ["-map", str(self._small_tree()), "/", "-commit"]
        subprocess.run(command, check=True, capture_output=True)
        return path

    def packed(self, name: str, tool: str) -> Path:
        """A file system that its tool makes whole of a directory."""
        path = Path(os.environ.get("TMPDIR", "/tmp")) / f"{name}.img"
        path.unlink(missing_ok=True)
        words = [str(self._small_tree()), str(path)]
        if tool == "mkfs.erofs":
            words.reverse()
        command = [str(self.path("oracleTools") / "bin" / tool), *words]
        subprocess.run(command, check=True, capture_output=True)
        return path

    @staticmethod
    def _small_tree() -> Path:
        """The least of a store, in a directory of the host."""
        path = Path(os.environ.get("TMPDIR", "/tmp")) / "small-tree"
        for name in ("blocks", "segments", "snapshots", "logs"):
            (path / name).mkdir(parents=True, exist_ok=True)
        (path / "blocks/one").write_text("one block\n")
        return path

    def iso_with_yaml(self, text: str) -> Path:
        """The ISO of a site that adds its own configuration file."""
        source = Path(os.environ.get("TMPDIR", "/tmp")) / "site.yaml"
        source.write_text(text)
        return self.remaster("site.iso", "-map", str(source), "/sysrescue.d/900-site.yaml")

    def stick(self, fixture: str) -> disks.Disk:
        """The ISO as written to a stick, with a fixture's file system as third partition."""
        made = self.fixture(fixture)
        path = self.remaster("stick.raw", "-append_partition", "3", "0x83", made["path"])
        serial = qemu.MEDIUM_SERIAL
        return disks.Disk("stick", "medium", serial, path, made["store"], made["fs"], "3")

    # Fixtures

    def keep(self, disk: disks.Disk, name: str, store: str, fs: str) -> None:
        """Hand a disk that this scenario filled to the others."""
        disks.copy_sparse(disk.path, self.out / f"{name}.raw")
        self.fixtures[name] = {"file": f"{name}.raw", "store": store, "fs": fs}

    def fixture(self, name: str) -> dict[str, str]:
        """A disk image that the scenario `fixtures` made with the real tools."""
        made = json.loads((self.path("fixtures") / "fixtures.json").read_text())
        return {**made[name], "path": str(self.path("fixtures") / made[name]["file"])}

    def _put_disk(self, disk: disks.Disk, state_dir: Path) -> None:
        disk.path = state_dir / disk.file
        kind, _, rest = disk.name.partition("-")
        if kind == "blank":
            disks.blank(disk.path, SIZES.get(rest, SIZES["ext4"]))
            return
        made = self.fixture(kind)
        disks.copy_sparse(Path(made["path"]), disk.path)
        disk.store, disk.fs = made["store"], made["fs"]

    def _kernel_args(self, cmdline: str) -> list[str]:
        image = self.image()
        boot = self.path("image")
        args = ["-kernel", str(boot / image["kernel"]), "-initrd", str(boot / image["initrd"])]
        # The boot menu's entries name the serial console themselves.
        options = f"{image['cmdline']} console=tty0 console=ttyS0,115200n8 loglevel=4 {cmdline}"
        return [*args, "-append", options.strip()]

    # Booting

    @contextmanager
    def boot(
        self,
        firmware: str = "direct",
        *,
        medium: str = "disk",
        cmdline: str = "",
        attach: tuple[str, ...] = (),
        iso: Path | None = None,
        stick: disks.Disk | None = None,
        memory: int = 1024,
        network: bool = False,
        cpus: int = 1,
        decides: bool = True,
    ) -> Iterator[Guest]:
        """Boot the image, wait until it is up, and at the end compare every attached disk.

        `attach` names fixtures (`ext4`, or `ext4-b` for a second copy) or blank disks (`blank`,
        `blank-xfs` with the size that xfs needs). `cmdline` adds options, which only a direct boot can. `stick` is a writable
        medium in place of the read-only `iso`. Without the module nothing `decides`. As many checks run at once as the host has
        processors: a guest with more `cpus` than one then waits for its own locks (boots of two
        guests at once on two processors: 67 s with two each, 45 s with one).
        """
        attached = [disks.Disk.attached(name, index) for index, name in enumerate(attach)]
        args = qemu.base_command(memory, cpus, firmware, network)
        args += qemu.firmware_args(firmware, self.path("firmware"))
        args += qemu.medium_args(
            medium, stick.path if stick else iso or self.iso(), writable=stick is not None
        )
        if firmware == "direct":
            args += self._kernel_args(cmdline)
        for index, disk in enumerate(attached):
            args += qemu.disk_args(index, disk.drive, disk.file, disk.serial)
        args += [*backdoor.smbios_args(), *qemu.Qmp.ARGS]
        self.boots += 1
        machine = self.create_machine(qemu.shell_line(args), name=f"boot{self.boots}")
        state_dir = Path(machine.state_dir)
        qemu.copy_variables(firmware, self.path("firmware"), state_dir)
        for disk in attached:
            self._put_disk(disk, state_dir)
        if stick:
            attached.append(stick)
        disks.remember(attached, None)
        guest = None
        try:
            begin = time.monotonic()
            machine.start()
            guest = Guest(machine, attached, qemu.Qmp(state_dir))
            machine.connect()
            shell = time.monotonic() - begin
            guest.wait_for_boot()
            up = time.monotonic() - begin
            self.figures |= {"firmware": firmware, "medium": medium, "accel": qemu.accelerator()}
            self.figures |= {"shell": round(shell, 1), "booted": round(up, 1)}
            if decides:
                self.figures |= guest.figures()
            say(f"{self.suite}: booted: {self.figures}")
            yield guest
            guest.check_disks()
        except Exception as error:
            self._report(machine, guest, self.suite, error)
            raise
        finally:
            if guest:
                guest.qmp.close()
            machine.release()

    def _report(self, machine: Any, guest: Guest | None, what: str, error: Exception) -> None:
        say(f"\n=== FAILED {what}: {type(error).__name__}: {error}")
        say("".join(traceback.format_tb(error.__traceback__)[-4:]))
        if guest and machine.is_up():
            try:
                say(guest.report())
            except Exception as second:
                say(f"(no report from the guest: {second})")
        # The real driver prints the console as it comes and may offer no such queue.
        lines = getattr(machine, "last_lines", None)
        seen = []
        try:
            while lines is not None:
                seen.append(lines.get(block=False))
        except queue.Empty:
            pass
        say(f"--- serial console, last {SERIAL_TAIL} lines")
        say("\n".join(seen[-SERIAL_TAIL:]))
        say(f"=== FAILED {what}: {error}\n")

    def endpoint(self, behaviour: str) -> Endpoint:
        """A server on the host that `hangs` or is `closed`, for a guest with a network."""
        return Endpoint(behaviour)

    # Situations that share a boot

    def run_situations(self, guest: Guest) -> None:
        """Every file beside group.py is one; a failing one does not stop the others."""
        for file in sorted(self.path("situations").glob("*.py")):
            if file.name != "group.py":
                self._situation(guest, file)

    def _situation(self, guest: Guest, file: Path) -> None:
        name = f"{self.suite}/{file.name}"
        say(name)
        begin = time.monotonic()
        self.notes = {}
        code = compile(file.read_text(), name, "exec")
        try:
            with guest.situation(lambda error: self._report(guest.machine, guest, name, error)):
                exec(code, {"vm": guest, "lab": self})
                figures = guest.figures() if guest.decided else {}
        except Exception:
            self.failed.append(file.stem)
            return
        seconds = round(time.monotonic() - begin, 1)
        figures.pop("kernel_to_decision", None)  # only a boot has one
        self.tests.append({"name": file.stem, "seconds": seconds, **figures, **self.notes})
        say(f"{name}: passed in {seconds} s")

    def note(self, **figures: Any) -> None:
        """Print figures of this situation, and keep them in the result."""
        self.notes |= figures
        say(f"{self.suite}: {figures}")

    # The result

    def finish(self) -> None:
        """Called behind the scenario's last line; a failed build leaves no result."""
        total = round(time.monotonic() - self.begin, 1)
        if self.failed:
            raise Mismatch(f"{self.suite}: {len(self.failed)} failed: {', '.join(self.failed)}")
        if not self.tests:
            name = self.suite.removeprefix("vm-")
            self.tests.append({"name": name, "seconds": total, **self.figures})
        if self.fixtures:
            (self.out / "fixtures.json").write_text(json.dumps(self.fixtures, indent=1) + "\n")
        result = {
            "suite": self.suite,
            "passed": len(self.tests),
            "failed": 0,
            "skipped": self.skipped,
            "seconds": total,
            "boot": self.figures,
            "tests": self.tests,
        }
        (self.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
        say(f"{self.suite}: {len(self.tests)} passed in {total} s")
