"""A booted guest: its state, and whether that is what the scenario expects."""

import base64
import json
import re
import shlex
import subprocess
import tomllib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .check import Mismatch, Touched, check, check_in
from .disks import Disk, blank, check_same, check_untouched, remember
from .qemu import Qmp, plug

LAB = "/run/lab"
KEY = f"{LAB}/key"
MOUNT = "/mnt/asl/local"
REMOTE = "/mnt/asl/remote"
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
    name: str = ""  # of a mapped disk


def named_nodes(steps: list[dict[str, Any]]) -> set[str]:
    """The block nodes that these steps use or make."""
    seen: set[str] = set()
    for step in steps:
        one = [step.get("node", ""), step.get("makes", "")]
        many = [*step.get("members", []), *step.get("others", [])]
        seen.update(name for name in [*one, *many] if name.startswith("/dev/"))
    return seen


def view_of(view: dict[str, Any], format: str, superblock: dict[str, Any]) -> dict[str, str]:
    """A file system seen through layers, in blkid's terms."""
    filesystem = superblock["content"]
    stores = filesystem["look"].get("stores", [])
    return {
        "UUID": superblock["uuid"],
        "LABEL": superblock["label"],
        "TYPE": format,
        "FSBLOCKSIZE": str(filesystem["block_size"]),
        "FSLASTBLOCK": str(superblock["size"] // filesystem["block_size"]),
        "store": " ".join(store["id"] for store in stores),
        "bytes": str(view["size"]),
    }


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
        self.plugged: list[Disk] = []
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
            here = Path(__file__).parent
            text = (here / "guest.sh").read_bytes() + (here / "mounts.sh").read_bytes()
            packed = base64.b64encode(text).decode()
            self.succeed(f"echo {packed} | base64 -d >{LAB}.sh; . {LAB}.sh; lab_prepare")
            self.prepared = True
        status, out = self.machine.execute(f"exec 2>{LAB}.err; . {LAB}.sh; {command}")
        if status != 0:
            raise Mismatch(f"{command}: status {status}: {self.line(f'cat {LAB}.err')}")
        return str(out).strip()

    # The decision

    def decide(self, serve: bool = False, activate: bool = True) -> None:
        """Run the units again, as a boot does; with `serve` start intake even in mode none."""
        self.lab(f"decide {'serve' if serve else '' if activate else 'only'}")
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
        self.expect_mounted(self.mounted_node())
        self.expect_intake_serves()

    def mounted_node(self) -> str:
        """What the last step mounts: the node itself, or what the steps before made of it."""
        steps: list[dict[str, Any]] = self.facts["decision"]["steps"]
        node: str = steps[-1]["node"]
        return node

    def expect_import(
        self,
        source: str,
        *steps: str,
        rule: str = "sole-layered",
        code: str = "",
        access: str = "ro",
        store: str = "",
        by_hand: bool = False,
    ) -> None:
        """After decide(): `import` by these kinds of steps, in this order, up and down again.

        Served from `source` while it is up, the disks below guarded; afterwards nothing is left
        of it: no mount, no node, each read-only flag as before the decision, and the disks as
        they were. `by_hand` brings it up once more by the command, without the units.
        """
        code = code or rule
        self.expect_mode(mode="import", rule=rule, code=code, access=access, source=source)
        if store:
            self.expect_mode(store=store)
        kinds = [step["step"] for step in self.facts["decision"]["steps"]]
        check("steps", kinds, list(steps))
        node = self.mounted_node()
        self.expect_mounted(node, access)
        self.expect_intake_serves()
        self._expect_guarded(access)
        self.release()
        self._expect_gone("the units stopped")
        if by_hand:
            self.succeed("asl-admin activate 2>&1")
            self.seen = None
            self.expect_mounted(node, access)
            self._expect_guarded(access)
            self.succeed("asl-admin deactivate 2>&1")
            self.seen = None
            self._expect_gone("asl-admin deactivate")

    def _expect_guarded(self, access: str) -> None:
        """Without consent the kernel refuses a write to whatever the steps touch and make, and to
        the disks below. A snapshot alone takes writes, in memory: its log is replayed there, and
        an array that writes to its members all the same stands on some."""
        if access == "rw":
            return
        steps = self.facts["decision"]["steps"]
        in_memory = {step["makes"] for step in steps if step["step"] == "snapshot"}
        nodes = named_nodes(steps) - in_memory
        listed = self.succeed(f"lsblk -nsro PATH,RO {shlex.join(sorted(nodes))} | sort -u")
        lines = [line.split() for line in listed.splitlines()]
        in_memory |= set(self.lab("in_memory").split()) - nodes
        writable = [path for path, flag in lines if flag != "1" and path not in in_memory]
        check("nodes below the store that may be written", writable, [])

    def _expect_gone(self, after: str) -> None:
        """Nothing of an activation is left, and its disks are as they were."""
        check(f"mount at {MOUNT} after {after}", self.state.mount, [])
        self.expect_nodes_as_before(after)
        for loop in self.loops:
            self.check_loop(loop)
        self.check_disks()

    def expect_not_told(self, secret: str) -> None:
        """This is in no journal and in no file of ours."""
        self.fail(f"journalctl -b --no-pager | grep -F {secret}")
        self.fail(f"grep -rF {secret} /var/lib/asl /run/asl")

    def expect_nodes_as_before(self, after: str) -> None:
        """Every block device, its sectors and its read-only flag are what they were when the node
        last decided, and no pool is imported."""
        before = self.succeed(f"cat {LAB}/nodes").splitlines()
        check(f"nodes, sizes and read-only flags after {after}", self.lab("nodes").splitlines(), before)
        check(f"pools after {after}", self.line("! command -v zpool >/dev/null || zpool list -Ho name"), "")

    def expect_undone_when_killed(self) -> None:
        """An activation that is killed, wherever it stands, is taken back by the next command."""
        self.release()
        for tenths in range(1, 30, 4):
            # timeout kills its child alone: the tool that runs at the moment must die with it.
            activate = f"timeout -s KILL {tenths / 10} asl-admin activate >/dev/null 2>&1"
            self.succeed(f"{activate} || test $? = 137")
            self.succeed("asl-admin deactivate 2>&1")
            self.expect_nodes_as_before(f"{tenths} tenths of a second")
        self.succeed("systemctl start asl-activate asl-intake")
        self.seen = None

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

    def probe(self, disk: Loop | Disk) -> dict[str, Any]:
        """What came of reading it."""
        node = disk.node if isinstance(disk, Loop) else self.node(disk)
        found = [one for one in self.facts["facts"]["devices"] if one["node"] == node]
        check(f"devices of node {node}", len(found), 1)
        return dict(found[0]["probe"])

    def expect_probe(self, disk: Loop | Disk, state: str, faults: bool = False) -> None:
        """It was read to this effect, with reads that failed or without."""
        probe = self.probe(disk)
        seen = (probe["state"], bool(probe.get("faults")))
        check(
            f"probe of {disk.node if isinstance(disk, Loop) else disk.name}", seen, (state, faults)
        )

    @contextmanager
    def traced(self) -> Iterator[list[dict[str, Any]]]:
        """Every open and ioctl of a block device meanwhile, by whomever: `event`, `value` (the
        flags or the request), `dev` (as st_rdev of the kernel's own) and `who`."""
        seen: list[dict[str, Any]] = []
        self.lab("trace_on")
        yield seen
        for line in self.lab("trace_off").splitlines():
            event, value, dev, who = line.split(" ", 3)
            seen.append({"event": event, "value": int(value), "dev": int(dev), "who": who})

    def devnum(self, node: str) -> int:
        """A node's number as the kernel has it: 12 bits of major, 20 of minor."""
        major, minor = self.line(f"stat -c '%t %T' {node}").split()
        return int(major, 16) << 20 | int(minor, 16)

    def zpool(
        self,
        name: str,
        devices: str,
        *disks: Loop,
        options: str = "",
        dataset: str = "data",
        at: str = ".",
        end: str = "export",
    ) -> str:
        """Make a pool with a store in a dataset (`.`: the pool's own), exported or, with `end` of
        `crash`, as a power cut leaves it: the store's id."""
        store = str(uuid.uuid4())
        words = [name, options, devices, dataset, store, at, end]
        words += [word for disk in disks for word in (disk.file, disk.whole)]
        self.lab(f"zpool_on {shlex.join(words)}")
        for disk in disks:
            self.remember(disk)
        return store

    def known_store(self, node: str, label: str) -> dict[str, str]:
        """Make a store on this node: what blkid says of it, and its id."""
        store, _ = self.make_store(node, "ext4")
        self.succeed(f"e2label {node} {label}; sync")
        tags = self.succeed(f"blkid -p -o export {node}; echo bytes=$(blockdev --getsize64 {node})")
        said = dict(line.split("=", 1) for line in tags.splitlines() if "=" in line)
        names = ("UUID", "LABEL", "TYPE", "FSBLOCKSIZE", "FSLASTBLOCK", "bytes")
        return {**{name: said[name] for name in names}, "store": store}

    def seen_through(self, known: dict[str, str]) -> dict[str, str]:
        """The same of the view with that file system, as preflight read it."""
        for view in self.facts["facts"]["virtuals"]["devices"]:
            for signature in view["probe"].get("signatures", []):
                superblock = signature["outcome"].get("found") or {}
                if superblock.get("uuid") == known["UUID"]:
                    return view_of(view, signature["format"], superblock)
        return {}

    def expect_decided_within(self, seconds: float) -> None:
        wall = self.figures()["preflight_wall"]
        check(f"decided after {wall} s, under {seconds} s", wall < seconds, True)

    def expect_activation_fails(self, *reasons: str) -> None:
        """Activation of what was decided fails, says why, and leaves mode none and no mount."""
        self.fail("systemctl start asl-activate.service 2>&1")
        self.seen = None
        self.expect_mode(mode="none", code="activation-failed", source="none")
        self.expect_reason(*reasons)
        check(f"mount at {MOUNT}", self.state.mount, [])
        journal = "/var/lib/asl/runtime/activation.json"
        check(
            "steps in the journal",
            self.line(f"jq -c .entries {journal} 2>/dev/null || echo []"),
            "[]",
        )

    def expect_mounts(self, type: str, image: Path | str, **expected: dict[str, str]) -> None:
        """What mounting this file system does to the disk below it.

        `image` is an empty one, a file of the host or the command that makes it of `$f`.
        `expected` has, by the options (`ro_noload`), what is seen in each state of the file
        system: on a read-only device, then on a writable one where that is not the same.
        """
        if isinstance(image, Path):
            self.bring(image)
            name = image.name
        else:
            name = "made.img"
            self.lab(f"f={LAB}/{name}; {image} 2>&1")
        options = [how.replace("_", ",") for how in expected]
        seen: dict[str, dict[str, str]] = {how: {} for how in expected}
        for line in self.lab(f"mount_tries {type} {name} {' '.join(options)}").splitlines():
            how, state, guarded, opened = line.split()
            both = guarded if guarded == opened else f"{guarded}, {opened}"
            seen[how.replace(",", "_")][state] = both
        check(f"mounts of {type}", seen, expected)

    def expect_mounted(self, node: str, access: str = "ro") -> None:
        check(f"units' states and the mount at {MOUNT}", bool(self.state.mount), True)
        source, options, *entries = self.state.mount
        check(f"source of {MOUNT}", source.split("[")[0], node)
        for option in (access, "nodev", "nosuid", "noexec"):
            check_in(f"options of {MOUNT}", f",{option},", f",{options},")
        check_in(f"entries of {MOUNT}", "blocks", " ".join(entries))

    def nfs(self, client: str = "127.0.0.1") -> str:
        """An NFS 4 server in the guest, for this client of its own; the endpoint of a store there."""
        self.lab(f"nfs_serve {client}")
        return f"nfs://{client}/asl"

    def smb(self, root: Path, user: str = "") -> str:
        """An SMB 3 server in the guest, with tools of this root; the endpoint of a store there, for
        guests or for `keeper`, whose password KEY has."""
        libraries = root / "usr/lib/x86_64-linux-gnu"
        self.bring(
            root / "usr/libexec/ksmbd.tools",
            libraries / "libnl-3.so.200",
            libraries / "libnl-genl-3.so.200",
        )
        self.lab("smb_serve")
        return f"smb://{user}@127.0.0.1/asl" if user else "smb://127.0.0.1/asl"

    def ssh(self) -> str:
        """The guest's own SSH server, with a key that opens it; the endpoint of a store there."""
        self.lab("ssh_serve")
        return f"ssh://root@127.0.0.1{LAB}/ssh"

    def expect_remote(self, endpoint: str, rule: str = "remote-ok") -> None:
        """`remote` on this endpoint: mounted for the operator, served by intake."""
        self.expect_mode(mode="remote", rule=rule, code=rule, access="ro", mount=REMOTE)
        self.expect_mode(source=endpoint, store=endpoint)
        scheme, address = endpoint.split("://")
        named = f"//{address.split('@')[-1]}" if scheme == "smb" else address.replace("/", ":/", 1)
        source, options = self.line(f"findmnt -no SOURCE,OPTIONS {REMOTE}").split()
        check(f"source of {REMOTE}", source, named)
        for option in ("ro", "nodev", "nosuid", "noexec", *(["soft"] if scheme != "ssh" else [])):
            check_in(f"options of {REMOTE}", f",{option},", f",{options},")
        check("a block", self.line(f"cat {REMOTE}/blocks/one"), "one block")
        self.fail(f"touch {REMOTE}/blocks/two")
        self.expect_intake_serves()

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
        megabytes: int = 0,
        sector: int = 512,
    ) -> Loop:
        """A disk with a store on it; without `fs` a blank one.

        `partition` of `partitions` carries it, else the whole disk. `at` is the store's place
        in the file system. `replay` leaves the log as a power cut does. `sector` is the size
        of the disk's logical sectors.
        """
        file = f"{LAB}/disk/{len(self.loops)}.img"
        store = str(uuid.uuid4()) if fs and tree and marker else ""
        fs_uuid = str(uuid.uuid4()) if fs else ""
        size = megabytes or SIZES[fs or "ext4"] * max(1, partitions)
        words = [file, size, partitions, partition, fs, fs_uuid, int(tree), store, at, int(replay)]
        words.append(sector)
        return self._attached(
            f"make_disk {shlex.join(map(str, words))}", file, partition, store, fs_uuid
        )

    def mapped(self, fs: str = "") -> Loop:
        """A disk that can fall sick: a device-mapper node with a store, or blank without `fs`.

        Its bytes lie behind the first MiB of a loop device, which shows nothing of them itself.
        """
        base = self.loop(megabytes=SIZES[fs or "ext4"] + 1)
        base.name = f"lab-{len(self.loops)}"
        if fs:
            base.store, base.fs = str(uuid.uuid4()), str(uuid.uuid4())
        words = [base.name, base.whole, fs, base.fs, base.store]
        base.node = self.lab(f"map_disk {shlex.join(words)}")
        self.remember(base)
        return base

    def sicken(self, disk: Loop, *table: str) -> None:
        """Another table for a mapped disk: `0 8 error`; `{}` in a line is the disk's own device.

        What lies behind the last line stays as it was.
        """
        lines = "\n".join(line.format(disk.whole) for line in table)
        self.lab(f"map_again {disk.name} {disk.whole} {shlex.quote(lines)}")

    def btrfs_pair(self, below: str = ".") -> tuple[list[Loop], str]:
        """Two disks with every block of one btrfs on both, and the id of the store on it: at its
        root, or `below` a subvolume."""
        pair = [self.loop(megabytes=SIZES["btrfs"]) for _ in range(2)]
        store = str(uuid.uuid4())
        words = [*(disk.whole for disk in pair), store, below]
        self.set_up(f". {LAB}.sh; pair_on {shlex.join(words)}", *pair)
        return pair, store

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

    def activate_and_answer(self) -> None:
        """Start the units; whoever is asked for a passphrase types what KEY has."""
        self.succeed("systemctl start --no-block asl-activate.service asl-intake.service")
        self.wait_for("ls /run/systemd/ask-password/ask.*")
        self.succeed(
            "socket=$(sed -n s/^Socket=//p /run/systemd/ask-password/ask.*);"
            f" /usr/lib/systemd/systemd-reply-password 1 $socket <{KEY}"
        )
        self.wait_for_intake()

    def seal(self, node: str, *loops: Loop) -> str:
        """Make a LUKS container, which KEY opens: its id."""
        return self.set_up(f". {LAB}.sh; seal {node}", *loops).strip()

    def sealed_store(self, node: str, *loops: Loop) -> tuple[str, str]:
        """Make a LUKS container with a store in it: the ids of both."""
        container = self.seal(node)
        udev = "DM_DISABLE_UDEV=1"
        self.succeed(f"{udev} cryptsetup open --key-file {KEY} {node} plain")
        store, _ = self.make_store("/dev/mapper/plain", "ext4")
        self.set_up(f"{udev} cryptsetup close plain", *loops)
        return container, store

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
        failed = None
        try:
            yield
        except Exception as error:
            report(error)  # while its disks are still there
            failed = error
        try:
            for disk in [*self.plugged]:
                self.unplug(disk)
            loops, self.loops = self.loops, []
            words = [word for loop in loops for word in (loop.file, loop.whole)]
            lines = self.lab(f"clean {shlex.join(words)}").splitlines()
            for index, loop in enumerate(loops):
                self._compare(loop, "\n".join(lines[2 * index : 2 * index + 2]))
        except Exception as error:
            if not failed:
                report(error)
                failed = error
        if failed:
            raise failed

    # Disks of the host

    def disk(self, name: str) -> Disk:
        return next(disk for disk in self.disks if disk.name == name)

    def node(self, disk: Disk) -> str:
        """The node that the guest gave to an attached disk."""
        pick = f"awk '$2 == \"{disk.serial}\" {{ print $1 }}'"
        return self.line(f"udevadm settle; lsblk -ndro PATH,SERIAL | {pick}") + disk.part

    def plug(self, name: str, megabytes: int = SIZES["ext4"], **device: Any) -> Disk:
        """Attach one more blank disk, for this situation. `device` are properties of QEMU's
        scsi-hd; with the name of a disk that is there it is a second path to that disk."""
        same = [disk for disk in self.plugged if disk.name == name]
        disk = Disk(name, f"plug{len(self.plugged)}", f"ASL-{name}".upper())
        disk.path = Path(self.machine.state_dir) / disk.file
        if not same:
            blank(disk.path, megabytes)
        node = f"lab-{name}"
        plug(self.qmp, node, "" if same else disk.file, id=disk.drive, serial=disk.serial, **device)
        self.plugged.append(disk)
        self.machine.wait_until_succeeds(
            f"test $(lsblk -ndro SERIAL | grep -c {disk.serial}) = {len(same) + 1}", timeout=30
        )
        self.succeed("udevadm settle")
        remember([disk], self.qmp)
        return disk

    def bring(self, *files: Path) -> None:
        """Copy sparse files of the host to LAB, by way of a disk that is a tar archive."""
        archive = Path(self.machine.state_dir) / "brought.tar"
        for file in files:
            how = "--update" if archive.exists() else "--create"
            command = [
                "tar",
                how,
                "--sparse",
                "--dereference",
                f"--file={archive}",
                "-C",
                str(file.parent),
                file.name,
            ]
            subprocess.run(command, check=True)
        plug(self.qmp, "lab-brought", archive.name, id="brought", serial="ASL-BROUGHT")
        there = "lsblk -ndro SERIAL | grep -q ASL-BROUGHT"
        self.machine.wait_until_succeeds(there, timeout=30)
        self.lab(f"tar -xf {self.node(Disk('', '', 'ASL-BROUGHT'))} -C {LAB}")
        self.qmp.ask("device_del", id="brought")
        self.machine.wait_until_fails(there, timeout=30)
        self.qmp.ask("blockdev-del", **{"node-name": "lab-brought"})
        archive.unlink()

    def unplug(self, disk: Disk) -> None:
        """Pull it out, and see that nothing was written to it until then."""
        check_untouched([disk], self.qmp)
        self.plugged.remove(disk)
        self.qmp.ask("device_del", id=disk.drive)
        left = len([one for one in self.plugged if one.name == disk.name])
        self.machine.wait_until_succeeds(
            f"test $(lsblk -ndro SERIAL | grep -c {disk.serial}) = {left}", timeout=30
        )
        if not left:
            self.qmp.ask("blockdev-del", **{"node-name": f"lab-{disk.name}"})

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

    def cut_power(self) -> None:
        """Take the power away and switch on again. The disks of the host are as they were
        remembered, and nothing of the new start may write to them."""
        self.qmp.close()
        self.machine.crash()
        check_same(self.disks)
        for disk in self.disks:
            disk.counters = (0, 0)  # another QEMU
        self.machine.start()
        self.qmp = Qmp(Path(self.machine.state_dir))
        self.machine.connect()
        self.wait_for_boot()
        self.prepared, self.seen = False, None

    def check_disks(self) -> None:
        self.succeed("sync")
        check_untouched(self.disks + self.plugged, self.qmp)

    def remember_disks(self) -> None:
        """From here on a write counts."""
        self.succeed("sync")
        remember(self.disks + self.plugged, self.qmp)

    # Figures and reports

    def figures(self) -> dict[str, Any]:
        """What was decided; kernel start to decision and preflight's own cost, in seconds, by
        systemd's account."""
        unit = self.state.units["asl-preflight.service"]
        begin = int(unit["ExecMainStartTimestampMonotonic"]) / 1e6
        end = int(unit["ExecMainExitTimestampMonotonic"]) / 1e6
        figures: dict[str, Any] = {
            key: self.state.mode.get(key, "") for key in ("mode", "rule", "access")
        }
        figures |= {"preflight_wall": round(end - begin, 3), "kernel_to_decision": round(end, 3)}
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
