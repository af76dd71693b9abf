"""expect_import passes on an import that comes and goes cleanly, and fails on each that does not.

The guest is played: these are tests of the assertion, which the scenarios then rest on.
"""

import json
import unittest
from typing import Any

from asl_vm.check import Mismatch
from asl_vm.guest import LAB, MOUNT, Guest

STEPS = [
    {"step": "assemble", "members": ["/dev/sda", "/dev/sdb"], "makes": "/dev/md9"},
    {"step": "snapshot", "node": "/dev/md9", "makes": "/dev/mapper/asl-cow-md9"},
    {"step": "mount", "node": "/dev/mapper/asl-cow-md9", "others": []},
]
KINDS = [step["step"] for step in STEPS]
UNIT = "Id={}\nActiveState={}\n"
SOURCE = "md:host:9"
NODE = "/dev/mapper/asl-cow-md9"


class Played:
    """A node with an array of two disks; what is changed in it is what the node does wrong."""

    def __init__(self, **wrong: Any) -> None:
        self.up = True
        self.wrong = wrong
        self.mode = {
            "mode": "import",
            "rule": "sole-layered",
            "code": "sole-layered",
            "access": "ro",
            "backend": "posix",
            "source": SOURCE,
            "store": "s1",
            "mount": MOUNT,
        } | wrong.get("mode", {})
        self.steps = wrong.get("steps", STEPS)

    def execute(self, command: str, **_: Any) -> tuple[int, str]:
        return 0, self.succeed(command)

    def succeed(self, command: str) -> str:
        if command.startswith("systemctl stop") or "deactivate" in command:
            self.up = False
        elif "activate" in command:
            self.up = True
        elif command.endswith("; state"):
            return self._state()
        elif command.endswith("; nodes") or command == f"cat {LAB}/nodes":
            stuck = not self.up and command.endswith("; nodes")
            return self.wrong.get("left", "sda 8 0\n") if stuck else "sda 8 0\n"
        elif command.startswith("cat /run/asl/facts.json"):
            return json.dumps({"decision": {"steps": self.steps}})
        elif command.startswith("lsblk"):
            flags = dict.fromkeys(["/dev/sda", "/dev/sdb", "/dev/md9"], "1")
            flags |= self.wrong.get("flags", {})
            return "".join(f"{path} {flag}\n" for path, flag in flags.items())
        return ""

    def _state(self) -> str:
        mounted = self.up or self.wrong.get("stays")
        options = self.wrong.get("options", "ro,nodev,nosuid,noexec")
        mount = f"{NODE} {options}\nblocks meta" if mounted else ""
        mode = "".join(f"{key}='{value}'\n" for key, value in self.mode.items())
        state = "active" if self.up else "inactive"
        units = "\n".join(
            UNIT.format(f"asl-{name}.service", state) for name in ("activate", "intake")
        )
        status = {**self.mode, "root": MOUNT, "readable": True} | self.wrong.get("status", {})
        text = json.dumps(status) if self.up else ""
        return f"== mode\n{mode}== mount\n{mount}\n== units\n{units}== status\n{text}"


class NoDisks:
    def ask(self, command: str) -> list[Any]:
        return []


def guest(**wrong: Any) -> Guest:
    return Guest(Played(**wrong), [], NoDisks())  # type: ignore[arg-type]


class ExpectImport(unittest.TestCase):
    def test_passes_and_leaves_it_down(self) -> None:
        vm = guest()
        vm.expect_import(SOURCE, *KINDS, store="s1", by_hand=True)
        self.assertFalse(vm.machine.up)

    def test_fails(self) -> None:
        for what, wrong in {
            "mode": {"mode": {"mode": "local"}},
            "rule": {"mode": {"rule": "assumed-pool"}},
            "code": {"mode": {"code": "degraded"}},
            "access": {"mode": {"access": "rw"}},
            "source": {"mode": {"source": "/dev/md8"}},
            "store": {"mode": {"store": "s2"}},
            "steps": {"steps": STEPS[1:]},
            "order of steps": {"steps": STEPS[::-1]},
            "mounted writable": {"options": "rw,nodev,nosuid,noexec"},
            "intake says else": {"status": {"store": "s2"}},
            "a member may be written": {"flags": {"/dev/sdb": "0"}},
            "stays mounted": {"stays": True},
            "a node is left": {"left": "md9 8 0\nsda 8 0\n"},
            "a flag is left": {"left": "sda 8 1\n"},
        }.items():
            with self.subTest(what), self.assertRaises(Mismatch):
                guest(**wrong).expect_import(SOURCE, *KINDS, store="s1")

    def test_a_snapshot_alone_may_be_written(self) -> None:
        guest(flags={NODE: "0"}).expect_import(SOURCE, *KINDS)


if __name__ == "__main__":
    unittest.main()
