"""Measures detection against the tools people use, in one run.

Makes disk images of many formats, then runs each contender over all of them
in turn, A B C A B C, and prints medians and the ratios round by round: on a
shared machine only what ran side by side can be compared. The peers are
Debian 13's; two small programs, compiled here, run them without a shell.
"""

import argparse
import fcntl
import os
import pathlib
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

import images

HERE = pathlib.Path(__file__).parent
LABELS = HERE / "../../rust/probe/tests/formats/zfs/one.xz"
BLKFLSBUF = 0x1261


def starter(tool: str) -> list:
    """The command behind a starter of the oracle tools, without its shell."""
    path = shutil.which(tool)
    if not path:
        return []
    text = pathlib.Path(path).read_bytes()[:4096]
    if not text.startswith(b"#!"):
        return [path]
    line = next(line for line in text.decode().splitlines() if line.startswith("exec "))
    return shlex.split(line)[1:-1]


class Bench:
    def __init__(self, directory: pathlib.Path, ours: str):
        self.ours = ours
        self.runner = self.compile(directory, "run")
        library = self.compile(directory, "libblkid", "-lpthread", "-ldl")
        blkid = starter("blkid")
        # With the loader and the libraries of the same root as blkid itself.
        end = blkid.index("--library-path") + 2 if "--library-path" in blkid else 0
        loader = [word for word in blkid[:end] if word not in ("--argv0", "blkid")]
        self.library = [*loader, library]

    @staticmethod
    def compile(directory: pathlib.Path, name: str, *libraries: str) -> str:
        program = directory / name
        command = [os.environ.get("CC", "cc"), "-O2", "-o", program, HERE / f"{name}.c", *libraries]
        subprocess.run(command, check=True)
        return str(program)

    def contenders(self, paths: list, loops: bool) -> dict:
        """Name to commands; each is run after the other."""
        tool = {name: starter(name) for name in ("blkid", "mdadm", "pvs", "zdb", "btrfs")}
        script = [[*tool["blkid"], "-p", "-o", "export", path] for path in paths]
        script += [[*tool["mdadm"], "--examine", path] for path in paths]
        script += [[*tool["zdb"], "-l", path] for path in paths]
        if loops:  # these two take no files
            script += [[*tool["pvs"], "--driverloaded", "n", "--devices", ",".join(paths), "-o", "+vg_uuid"]]
            script += [[*tool["btrfs"], "filesystem", "show", path] for path in paths]
        return {
            "ours": [[self.ours, "signatures", *paths]],
            "libblkid": [[*self.library, "1", *paths]],
            "ours, 16 threads": [[self.ours, "signatures", "--threads", "16", *paths]],
            "libblkid, 16 threads": [[*self.library, "16", *paths]],
            "ours, with stores": [[self.ours, "probe", "--json", *paths]],
            "blkid -p each": [[*tool["blkid"], "-p", "-o", "export", path] for path in paths],
            "script": script,
        }

    def run(self, commands: list) -> tuple:
        """Wall and CPU milliseconds, and peak memory in MiB."""
        wall = cpu = peak = 0
        for command in commands:
            done = subprocess.run([self.runner, *command], stdout=subprocess.PIPE, check=True)
            now = [int(word) for word in done.stdout.split()]
            wall, cpu, peak = wall + now[0], cpu + now[1], max(peak, now[2])
        return wall / 1e3, cpu / 1e3, peak / 1024

    def table(self, title: str, paths: list, chosen: list, runs: int, cold, loops: bool) -> None:
        contenders = {name: commands for name, commands in self.contenders(paths, loops).items() if name in chosen}
        if not cold:
            for commands in contenders.values():
                self.run(commands)
        rounds = []
        for _ in range(runs):
            row = {}
            for name, commands in contenders.items():
                if cold:
                    cold()
                row[name] = self.run(commands)
            rounds.append(row)
        print(f"\n{title}: medians of {runs} rounds")
        print(f"  {'':22}{'wall ms':>10}{'spread':>16}{'cpu ms':>10}{'MiB':>7}{'us/device':>11}  wall / ours")
        for name in contenders:
            wall, cpu, peak = (statistics.median(row[name][part] for row in rounds) for part in range(3))
            spread = [row[name][0] for row in rounds]
            base = "ours, 16 threads" if "16" in name and "ours, 16 threads" in contenders else "ours"
            ratio = statistics.median(row[name][0] / row[base][0] for row in rounds)
            cpus = statistics.median(row[name][1] / max(row[base][1], 1e-3) for row in rounds)
            print(
                f"  {name:22}{wall:10.1f}{min(spread):8.1f}-{max(spread):<7.1f}{cpu:10.1f}{peak:7.1f}"
                f"{wall * 1e3 / len(paths):11.0f}  {ratio:6.1f} (cpu {cpus:.1f})",
                flush=True,
            )

    def costs(self, paths: list) -> None:
        """Reads and bytes per device."""
        done = subprocess.run([self.ours, "signatures", *paths], stdout=subprocess.PIPE, check=False)
        per_format = {}
        for name, reads, size in re.findall(r"/\d+-([^/]*)\.img reads=(\d+) bytes=(\d+)", done.stdout.decode()):
            per_format.setdefault(name, []).append((int(reads), int(size)))
        print("\nreads and KiB per device, ours")
        for name, costs in per_format.items():
            reads, size = (max(cost[part] for cost in costs) for part in range(2))
            beyond = " *" if reads > 3 or size > 300 << 10 else ""
            print(f"  {name:10}{reads:4}{size / 1024:9.1f}{beyond}")
        costs = [cost for costs in per_format.values() for cost in costs]
        mean = [statistics.mean(cost[part] for cost in costs) for part in range(2)]
        print(f"  {'mean':10}{mean[0]:6.1f}{mean[1] / 1024:7.1f}    (* beyond 3 reads or 300 KiB)")
        counts = []
        for part in ([], paths):
            done = subprocess.run([*self.library, "1", *part], stdout=subprocess.PIPE, check=True)
            counts.append([int(word) for word in done.stdout.split()[1:]])
        calls, chars = ((counts[1][part] - counts[0][part]) / len(paths) for part in range(2))
        print(f"  {'libblkid':10}{calls:6.1f}{chars / 1024:7.1f}    (mean, by the kernel's account)")


def evict(paths: list) -> None:
    """Takes these files and devices out of the cache, and nothing else."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if str(path).startswith("/dev/"):
                fcntl.ioctl(descriptor, BLKFLSBUF)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


class Loops:
    """Read-only loop devices over `paths`, as many as there can be."""

    def __init__(self, paths: list):
        self.files, self.devices = paths, []

    def __enter__(self) -> list:
        for path in self.files:
            command = [*starter("losetup"), "--read-only", "--show", "--find", path]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if done.returncode:
                print(f"\nno more than {len(self.devices)} loop devices: {done.stderr.decode().strip()}")
                break
            self.devices.append(done.stdout.decode().strip())
        return self.devices

    def __exit__(self, *_) -> None:
        for device in self.devices:
            subprocess.run([*starter("losetup"), "--detach", device], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--counts", type=int, nargs="+", default=[8, 64, 256])
    parser.add_argument("--many", type=int, default=1024, help="images of the last table; 0 leaves it out")
    parser.add_argument("--script-up-to", type=int, default=64, help="the script runs once beyond that")
    parser.add_argument("--ours", default="asl-debug")
    parser.add_argument("--labels", type=pathlib.Path, default=LABELS, help="the labels of a pool of ZFS, by xz")
    args = parser.parse_args()
    few = ["ours", "libblkid", "ours, 16 threads", "libblkid, 16 threads"]
    quick = [*few, "ours, with stores", "blkid -p each"]
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} CPUs, load {load} at the start; the formats in turn: {' '.join(images.FORMATS)}")
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        bench = Bench(directory, args.ours)
        labels = directory / "labels"
        labels.write_bytes(subprocess.run(["xz", "-dc", args.labels], stdout=subprocess.PIPE, check=True).stdout)
        files = [str(path) for path in images.make(directory, max(args.counts), labels)]
        bench.costs(files)
        for count in args.counts:
            some = files[:count]
            bench.table(f"{count} files, warm", some, quick, args.runs, None, False)
            bench.table(f"{count} files, cold", some, few, args.runs, lambda: evict(some), False)
        if os.geteuid() == 0 and os.access("/dev/loop-control", os.W_OK):
            for count in args.counts:
                some = files[:count]
                with Loops(some) as devices:
                    both = lambda: evict([*devices, *some])
                    bench.table(f"{len(devices)} loop devices, warm", devices, quick, args.runs, None, True)
                    bench.table(f"{len(devices)} loop devices, cold", devices, few, args.runs, both, True)
                    runs = 3 if count <= args.script_up_to else 1
                    chosen = ["ours", "ours, with stores", "script"]
                    bench.table(f"{len(devices)} loop devices, the script", devices, chosen, runs, None, True)
        else:
            print("\nno loop devices: root and /dev/loop-control make them")
        if args.many:
            for number in range(len(files), args.many):
                copy = directory / f"{number:04}-{files[number % len(files)].split('-')[-1]}"
                subprocess.run(["cp", "--sparse=always", files[number % len(files)], copy], check=True)
                files.append(str(copy))
            bench.table(f"{len(files)} files, warm", files, few, args.runs, None, False)


if __name__ == "__main__":
    sys.exit(main())
