"""Measures detection against the tools people use, in one run.

Makes disk images of mixed formats, then runs each command over all of them
in turn, A B A B, and prints medians and the ratio pair by pair: on a shared
machine only what ran side by side can be compared.
"""

import argparse
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

# Format, size in MiB, command.
IMAGES = [
    ("ext4", 64, ["mkfs.ext4", "-q", "-F"]),
    ("xfs", 320, ["mkfs.xfs", "-q", "-f"]),
    ("btrfs", 128, ["mkfs.btrfs", "-q", "-f"]),
    ("ext2", 16, ["mkfs.ext2", "-q", "-F"]),
    ("empty", 16, None),
]


def make_images(directory: pathlib.Path, count: int) -> list:
    """`count` sparse images, the formats in turn."""
    paths = []
    for number in range(count):
        name, size, command = IMAGES[number % len(IMAGES)]
        path = directory / f"{number:03}-{name}.img"
        with path.open("wb") as file:
            file.truncate(size << 20)
        if command:
            subprocess.run([*command, path], check=True, stdout=subprocess.DEVNULL)
        paths.append(path)
    return paths


def run(command: list) -> tuple:
    """Wall and CPU seconds of one run, by the system's own account."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    for arguments in command:
        # blkid says 2 of an empty image: no fault here.
        subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 8, 64])
    args = parser.parse_args()
    print(f"{'images':>6}  {'ours ms':>9} {'cpu ms':>8}  {'blkid -p ms':>11} {'cpu ms':>8}  {'wall ratio':>10}")
    with tempfile.TemporaryDirectory() as directory:
        for count in args.counts:
            target = pathlib.Path(directory, str(count))
            target.mkdir()
            paths = make_images(target, count)
            ours = [["asl-debug", "probe", *paths]]
            # Given several devices, blkid stops at the first without a
            # signature: it must be called for each.
            peer = [["blkid", "-p", "-o", "export", path] for path in paths]
            run(ours), run(peer)
            pairs = [(run(ours), run(peer)) for _ in range(args.runs)]
            a_wall, a_cpu, b_wall, b_cpu = (
                statistics.median(pair[side][what] for pair in pairs) for side in (0, 1) for what in (0, 1)
            )
            ratio = statistics.median(pair[1][0] / pair[0][0] for pair in pairs)
            print(
                f"{count:6}  {a_wall * 1e3:9.2f} {a_cpu * 1e3:8.2f}  {b_wall * 1e3:11.2f} {b_cpu * 1e3:8.2f}  {ratio:9.1f}x"
            )
    print(f"medians of {args.runs} pairs, warm cache; ratio = blkid / ours, pair by pair")


if __name__ == "__main__":
    main()
