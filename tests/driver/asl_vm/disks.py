"""Disks of the host, attached writable, and the proof that nobody wrote to them."""

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .check import Touched
from .qemu import Qmp


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class Disk:
    """An attached disk: QEMU's name for its drive, and its serial as the guest sees it.

    `store` and `fs` are the ids that the maker of the fixture wrote, empty on a blank disk.
    `part` is the suffix of the partition that carries them, empty for the whole disk.
    """

    name: str
    drive: str
    serial: str
    path: Path = Path()
    store: str = ""
    fs: str = ""
    part: str = ""
    counters: tuple[int, int] = (0, 0)
    digest: str = field(default="", repr=False)

    @classmethod
    def attached(cls, name: str, index: int) -> "Disk":
        return cls(name, f"disk{index}", f"ASL-{name}".upper())

    @property
    def file(self) -> str:
        return f"{self.name}.raw"


def copy_sparse(source: Path, target: Path) -> None:
    subprocess.run(
        ["cp", "--sparse=always", "--reflink=auto", "--no-preserve=mode", source, target],
        check=True,
    )


def blank(path: Path, megabytes: int) -> None:
    with path.open("wb") as file:
        os.truncate(file.fileno(), megabytes << 20)


def written(qmp: Qmp) -> dict[str, tuple[int, int]]:
    """Writes and unmaps that each drive has seen. Flushes are no writes: fsync of a reader."""
    return {
        entry["device"] or entry["qdev"]: (
            entry["stats"]["wr_operations"],
            entry["stats"]["unmap_operations"],
        )
        for entry in qmp.ask("query-blockstats")
    }


def remember(disks: list[Disk], qmp: Qmp | None) -> None:
    """From here on a write counts. The caller has synced the guest."""
    counters = written(qmp) if qmp else {}
    for disk in disks:
        disk.counters = counters.get(disk.drive, (0, 0))
        disk.digest = sha256(disk.path)


def check_untouched(disks: list[Disk], qmp: Qmp) -> None:
    counters = written(qmp)
    for disk in disks:
        writes, unmaps = counters[disk.drive]
        if (writes, unmaps) != disk.counters:
            raise Touched(
                f"disk {disk.name}: {writes} writes and {unmaps} unmaps seen,"
                f" expected {disk.counters[0]} and {disk.counters[1]}"
            )
    check_same(disks)


def check_same(disks: list[Disk]) -> None:
    """The bytes are those that were remembered."""
    for disk in disks:
        if (digest := sha256(disk.path)) != disk.digest:
            raise Touched(f"disk {disk.name}: sha256 {digest} seen, expected {disk.digest}")
