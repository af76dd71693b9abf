"""A booted guest: its state, and whether that is what the scenario expects."""

import base64
import json
import re
import shlex
import tomllib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .check import Mismatch, Touched, check, check_in
from .disks import Disk, check_untouched, remember
from .qemu import Qmp

LAB = "/run/lab"
MOUNT = "/mnt/asl/local"
CONF = "/etc/asl/asl.conf"
RERUNS = "journalctl -b -o cat -u asl-rerun.service | grep -c ^Finished"
# MiB, close to the least that each mkfs accepts
SIZES = {"ext2": 32, "ext3": 32, "ext4": 32, "xfs": 320, "btrfs": 128}


@dataclass
class Loop:
    """A loop device of the guest. `node` carries the file system, `whole` is the device."""

    file: str
    whole: str
    node: str
    store: str
    fs: str
    before: str


@dataclass
class State:
    """What guest.sh's `state` shows."""

    mode: dict[str, str]
    mount: list[str]  # source, options, then the entries of the mount point
    units: dict[str, dict[str, str]]
    status: dict[str, Any] | None

    @classmethod
    def parse(cls, text: str) -> "State":
        sections: dict[str, str] = {}
        for section in re.split("^== ", text, flags=re.MULTILINE)[1:]:
            name, _, body = section.partition("\n")
            sections[name] = body
        units = {}
        for block in sections["units"].strip().split("\n\n"):
            unit = dict(line.split("=", 1) for line in block.splitlines())
            units[unit["Id"]] = unit
        status = sections["status"].strip()
        return cls(
            dict(tomllib.loads(sections["mode"])),
            sections["mount"].split(),
            units,
            json.loads(status) if status else None,
        )


class Guest:
    def __init__(self, machine: Any, disks: list[Disk], qmp: Qmp) -> None:
        self.machine = machine
        self.disks = disks
        self.qmp = qmp
        self.loops: list[Loop] = []
        self.prepared = False
        self.decided = False  # in this situation
        self.seen: State | None = None

    check = staticmethod(check)
    check_in = staticmethod(check_in)

    @staticmethod
    def must_be_touched(proof: Callable[..., None], *args: Loop) -> str:
        """The negative control of a proof: it has to fail, and its message is handed back."""
        try:
            proof(*args)
        except Touched as seen:
            return str(seen)
        raise Mismatch(f"{proof.__name__}: passed, expected it to see a write")

    # Commands

    def succeed(self, command: str) -> str:
        return str(self.machine.succeed(command))

    def fail(self, command: str) -> str:
        return str(self.machine.fail(command))

    def line(self, command: str) -> str:
        return self.succeed(command).strip()

    def lab(self, command: str) -> str:
        """Run one of guest.sh's functions; what it complained about is part of a failure."""
        if not self.prepared:
            text = (Path(__file__).parent / "guest.sh").read_bytes()
            packed = base64.b64encode(text).decode()
            self.succeed(f"echo {packed} | base64 -d >{LAB}.sh; . {LAB}.sh; lab_prepare")
            self.prepared = True
        status, out = self.machine.execute(f"exec 2>{LAB}.err; . {LAB}.sh; {command}")
        if status != 0:
            raise Mismatch(f"{command}: status {status}: {self.line(f'cat {LAB}.err')}")
        return str(out).strip()

    # The decision

    def decide(self, serve: bool = False) -> None:
        """Run the units again, as a boot does; with `serve` start intake even in mode none."""
        self.lab(f"decide {'serve' if serve else ''}")
        self.seen = None
        self.decided = True

    def watch(self) -> None:
        """Have the node notice what comes and goes, as it does outside of situations."""
        self.lab("systemctl start asl-watch.service")

    def wait_for(self, condition: str, seconds: int = 90) -> None:
        """Wait until a command succeeds; the state is read anew after it."""
        loop = f"until {condition}; do sleep 0.5; done"
        status, _ = self.machine.execute(f"timeout {seconds} bash -c {shlex.quote(loop)}")
        self.seen = None
        if status != 0:
            raise Mismatch(f"not within {seconds} s: {condition}; mode file: {self.state.mode}")

    def wait_for_intake(self) -> None:
        self.wait_for("systemctl is-active --quiet asl-intake.service")

    def reruns(self) -> int:
        """How often the node has decided again by itself and was done with it."""
        return int(self.line(f"{RERUNS} || true"))

    def wait_for_rerun(self, before: int) -> None:
        self.wait_for(f"[ $({RERUNS}) -gt {before} ]")

    def detach(self, loop: Loop) -> None:
        """Take a loop device's file out, as a stick is pulled; `attach` puts it back."""
        self.lab(f"losetup --detach {loop.whole}; udevadm settle")

    def attach(self, loop: Loop) -> None:
        self.lab(f"losetup {loop.whole} {loop.file}")

    def release(self) -> None:
        self.succeed("systemctl stop asl-intake.service asl-activate.service")
        self.seen = None

    @property
    def state(self) -> State:
        if self.seen is None:
            self.seen = State.parse(self.lab("state"))
        return self.seen

    def configure(self, *lines: str) -> None:
        """Replace asl.conf; the situation's end brings the shipped one back."""
        packed = base64.b64encode("".join(f"{line}\n" for line in lines).encode()).decode()
        self.lab(f"echo {packed} | base64 -d >{CONF}")

    def expect_mode(self, **expected: str) -> None:
        mode = self.state.mode
        seen = {key: mode.get(key) for key in expected}
        if seen != expected:
            raise Mismatch(f"/run/asl/mode: seen {seen}, expected {expected}; whole file: {mode}")

    def expect_local(self, disk: Loop | Disk, rule: str = "sole-plain") -> None:
        """`local` on this disk: mounted read-only for the operator, served by intake."""
        node = disk.node if isinstance(disk, Loop) else self.node(disk)
        self.expect_mode(mode="local", rule=rule, access="ro", source=node, mount=MOUNT)
        if disk.store:
            self.expect_mode(store=disk.store)
        self.expect_mounted(node)
        self.expect_intake_serves()

    @property
    def facts(self) -> dict[str, Any]:
        """What preflight learnt of the devices."""
        report: dict[str, Any] = json.loads(self.succeed("cat /run/asl/facts.json"))
        return report

    def pool(self, format: str) -> dict[str, Any]:
        """The only pool of this kind."""
        pools = [pool for pool in self.facts["facts"]["pools"] if pool["format"] == format]
        check(f"pools of {format}", len(pools), 1)
        return dict(pools[0])

    def expect_pool(self, format: str, **expected: Any) -> None:
        pool = self.pool(format)
        check(f"pool of {format}", {key: pool[key] for key in expected}, expected)

    def judged(self, loop: Loop) -> list[str]:
        """The codes of what was judged on this disk."""
        candidates = self.facts["decision"]["candidates"]
        return sorted(one["code"] for one in candidates if one["node"] == loop.node)

    def expect_mounted(self, node: str) -> None:
        check(f"units' states and the mount at {MOUNT}", bool(self.state.mount), True)
        source, options, *entries = self.state.mount
        check(f"source of {MOUNT}", source.split("[")[0], node)
        for option in ("ro", "nodev", "nosuid", "noexec"):
            check_in(f"options of {MOUNT}", f",{option},", f",{options},")
        check_in(f"entries of {MOUNT}", "blocks", " ".join(entries))

    def expect_none(self, code: str, **more: str) -> None:
        """`none`: nothing mounted, and the services skipped without failure."""
        self.expect_mode(mode="none", code=code, **more)
        check(f"mount at {MOUNT}", self.state.mount, [])
        for unit in ("asl-activate.service", "asl-intake.service"):
            check(f"{unit}: state", self.state.units[unit]["ActiveState"], "inactive")

    def expect_reason(self, *parts: str) -> None:
        for part in parts:
            check_in(
                "reason and hint", part, f"{self.state.mode['reason']} {self.state.mode['hint']}"
            )

    def expect_intake_serves(self) -> None:
        """Intake runs and says the same as the mode file."""
        check("asl-intake", self.state.units["asl-intake.service"]["ActiveState"], "active")
        status, mode = self.state.status or {}, self.state.mode
        for key in ("mode", "code", "access", "backend", "source", "store"):
            check(f"intake's status: {key}", status.get(key), mode[key])
        check("intake's status: root", status.get("root"), mode["mount"])
        check("intake's status: readable", status.get("readable"), True)

    # Loop devices

    def loop(
        self,
        fs: str = "",
        *,
        partitions: int = 0,
        partition: int = 0,
        tree: bool = True,
        marker: bool = True,
        replay: bool = False,
        at: str = ".",
    ) -> Loop:
        """A disk with a store on it; without `fs` a blank one.

        `partition` of `partitions` carries it, else the whole disk. `at` is the store's place
        in the file system. `replay` leaves the log as a power cut does.
        """
        file = f"{LAB}/disk/{len(self.loops)}.img"
        store = str(uuid.uuid4()) if fs and tree and marker else ""
        fs_uuid = str(uuid.uuid4()) if fs else ""
        size = SIZES[fs or "ext4"] * max(1, partitions)
        words = [file, size, partitions, partition, fs, fs_uuid, int(tree), store, at, int(replay)]
        return self._attached(
            f"make_disk {shlex.join(map(str, words))}", file, partition, store, fs_uuid
        )

    def copy(self, of: Loop) -> Loop:
        """Another disk with the same bytes."""
        file = f"{LAB}/disk/{len(self.loops)}.img"
        command = f"cp --sparse=always {of.file} {file}; n=$(attach {file}); echo $n; fingerprint {file} $n"
        return self._attached(command, file, 0, of.store, of.fs)

    def _attached(self, command: str, file: str, partition: int, store: str, fs: str) -> Loop:
        whole, _, before = self.lab(command).partition("\n")
        node = f"{whole}p{partition}" if partition else whole
        self.loops.append(Loop(file, whole, node, store, fs, before))
        return self.loops[-1]

    def write(self, loop: Loop, offset: int, data: bytes) -> None:
        """Overwrite bytes of the disk as part of the set-up."""
        packed = base64.b64encode(data).decode()
        self.lab(
            f"echo {packed} | base64 -d | dd of={loop.whole} bs=1 seek={offset}"
            " conv=notrunc,fsync status=none"
        )
        self.remember(loop)

    def set_up(self, command: str, *loops: Loop) -> str:
        """Run a tool that writes to these disks; from here on a write counts."""
        seen = self.succeed(f"{command}; sync")
        for loop in loops:
            self.remember(loop)
        return seen

    def remember(self, loop: Loop) -> None:
        """From here on a write counts."""
        loop.before = self.lab(f"fingerprint {loop.file} {loop.whole}")

    def check_loop(self, loop: Loop) -> None:
        self._compare(loop, self.lab(f"fingerprint {loop.file} {loop.whole}"))

    @staticmethod
    def _compare(loop: Loop, seen: str) -> None:
        if seen != loop.before:
            raise Touched(
                f"{loop.whole}: sha256, sectors written and discarded: seen {seen!r}, expected {loop.before!r}"
            )

    @contextmanager
    def situation(self, report: Callable[[Exception], None]) -> Iterator[None]:
        """What one situation attached or configured is gone after it, and was left untouched."""
        self.seen, self.decided = None, False
        try:
            try:
                yield
            except Exception as error:
                report(error)  # while its disks are still there
                raise
        finally:
            loops, self.loops = self.loops, []
            words = [word for loop in loops for word in (loop.file, loop.whole)]
            lines = self.lab(f"clean {shlex.join(words)}").splitlines()
        try:
            for index, loop in enumerate(loops):
                self._compare(loop, "\n".join(lines[2 * index : 2 * index + 2]))
        except Touched as error:
            report(error)
            raise

    # Disks of the host

    def disk(self, name: str) -> Disk:
        return next(disk for disk in self.disks if disk.name == name)

    def node(self, disk: Disk) -> str:
        """The node that the guest gave to an attached disk."""
        pick = f"awk '$2 == \"{disk.serial}\" {{ print $1 }}'"
        return self.line(f"udevadm settle; lsblk -ndro PATH,SERIAL | {pick}") + disk.part

    def make_store(self, node: str, fs: str) -> tuple[str, str]:
        """A store on a disk of the host: its id and that of its file system."""
        store, fs_uuid = str(uuid.uuid4()), str(uuid.uuid4())
        self.lab(f"store_on {node} {fs} {fs_uuid} 1 {store} .")
        return store, fs_uuid

    def pull(self, disk: Disk) -> None:
        """Take a disk out of the running machine; it was left untouched until then."""
        self.check_disks()
        self.disks.remove(disk)
        self.qmp.ask("device_del", id=disk.drive + "-device")

    def check_disks(self) -> None:
        self.succeed("sync")
        check_untouched(self.disks, self.qmp)

    def remember_disks(self) -> None:
        """From here on a write counts."""
        self.succeed("sync")
        remember(self.disks, self.qmp)

    # Figures and reports

    def figures(self) -> dict[str, float]:
        """Kernel start to decision and preflight's own cost, in seconds, by systemd's account."""
        unit = self.state.units["asl-preflight.service"]
        begin = int(unit["ExecMainStartTimestampMonotonic"]) / 1e6
        end = int(unit["ExecMainExitTimestampMonotonic"]) / 1e6
        figures = {"preflight_wall": round(end - begin, 3), "kernel_to_decision": round(end, 3)}
        if unit["CPUUsageNSec"].isdigit():  # "[not set]" where systemd does not account
            figures["preflight_cpu"] = round(int(unit["CPUUsageNSec"]) / 1e9, 3)
        return figures

    def wait_for_boot(self) -> None:
        state = self.machine.execute("systemctl is-system-running --wait", timeout=240)[1].strip()
        if state != "running":
            failed = self.machine.execute("systemctl --failed --no-legend --plain")[1]
            raise Mismatch(f"system state: seen {state!r}, expected 'running'; failed: {failed}")

    def report(self) -> str:
        """What somebody wants to see of the guest when a scenario has failed."""
        journal = "journalctl -b --no-pager -o short-monotonic -n 40 -u 'asl-*'"
        parts = []
        for title, command in (
            ("mode file", "cat /run/asl/mode"),
            ("block devices", "lsblk -o NAME,SIZE,TYPE,FSTYPE,MOUNTPOINTS"),
            ("units", "systemctl list-units --all --no-legend --plain 'asl-*'"),
            ("journal of asl units", f"{journal} | cut -c -400"),
        ):
            text = self.machine.execute(f"{command} 2>&1", timeout=20)[1]
            parts.append(f"--- {title}\n{text.rstrip()}")
        return "\n".join(parts)
