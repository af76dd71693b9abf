"""Holds a built module against the specification's tree, against the table
of owners and modes, and against what the last version promised.

    layout.py record --version V --listing FILE --asl DIR --overlay DIR --soname NAME
    layout.py check --specification FILE --table FILE --record FILE --history DIR --result FILE

A *record* is what users of one version may rely on: the tree with types,
modes and link targets, the configuration's keys, the keys of the mode file
and the library's SONAME. The record of each released version stands beside
this file; a change that takes something away needs a new major version
(ASL/SYSTEMRESCUE-OVERLAY/1, section 7).
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

TYPES = {"d": "dir", "-": "file", "l": "link"}
EXECUTABLE = 0o111


def parse_listing(text: str) -> dict:
    """The output of `unsquashfs -lln -d ""`: mode owner size date time path."""
    tree = {}
    for line in text.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) < 6 or fields[0][0] not in "d-lbcps" or "/" not in fields[1]:
            continue
        kind = TYPES.get(fields[0][0])
        path, _, target = fields[5].partition(" -> ")
        path = path.strip("/")
        if kind is None:
            raise SystemExit(f"{path}: type {fields[0][0]!r}, expected a directory, file or link")
        entry = {"type": kind, "owner": fields[1].replace("/", " ")}
        if kind == "link":
            entry["target"] = target
        else:
            entry["mode"] = f"{mode_of(fields[0]):04o}"
        if path:
            tree[path] = entry
    return tree


def mode_of(text: str) -> int:
    """`rwxr-xr-x`, with the type before it, as a number."""
    mode = 0
    for bit, letter in enumerate(reversed(text[1:10])):
        if letter in "rwxst":
            mode |= 1 << bit
        if letter in "sStT":
            mode |= {0: 0o1000, 3: 0o2000, 6: 0o4000}[bit]
    return mode


def record(args) -> dict:
    """What a user of this version may rely on, seen by running it."""
    admin = args.asl / "bin" / "asl-admin"
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["cp", "-r", "--no-preserve=mode", f"{args.overlay}/.", root], check=True)
        for path in ["proc/sys/kernel/random", "proc/self", "sys/class/block", "dev"]:
            pathlib.Path(root, path).mkdir(parents=True)
        pathlib.Path(root, "proc/sys/kernel/random/boot_id").write_text("11111111-2222-4333-8444-555555555555\n")
        config = subprocess.run(
            [admin, "--root", root, "config", "--json"], check=True, stdout=subprocess.PIPE
        ).stdout
        subprocess.run([admin, "--root", root, "preflight"], check=True, stdout=sys.stderr)
        mode = pathlib.Path(root, "run/asl/mode").read_text()
    return {
        "version": args.version,
        "soname": args.soname,
        "config_keys": sorted(key_names(json.loads(config))),
        "mode_keys": [line.split("=")[0] for line in mode.splitlines() if "=" in line],
        "tree": parse_listing(args.listing.read_text()),
    }


def key_names(config) -> list:
    """Names of the keys in `asl-admin config --json`."""
    return [entry["key"] for entry in config["settings"]]


def against_specification(tree: dict, specification: str, table: dict) -> list:
    """What is missing of the specification's tree, and what is there beside it
    without a reason in the table."""
    faults = []
    demanded = {}
    for line in specification.splitlines():
        if line and not line.startswith("#"):
            demanded[line.rstrip("/")] = "dir" if line.endswith("/") else "file"
    for path, kind in demanded.items():
        if path not in tree:
            faults.append(f"{path}: missing; the specification's tree has it")
        elif tree[path]["type"] != kind:
            faults.append(f"{path}: a {tree[path]['type']}, expected a {kind}")
        if table.get(path, {}).get("from") != "spec":
            faults.append(f"{path}: the table does not say that it comes from the specification")
    for path in sorted(tree):
        if path not in table:
            faults.append(f"{path}: unexpected; the table gives no reason for it")
        elif path not in demanded and table[path]["from"] == "spec":
            faults.append(f"{path}: the table says specification, but its tree has no such entry")
    return faults


def against_table(tree: dict, table: dict) -> list:
    """Types, modes, owners and link targets that differ from the table."""
    faults = []
    for path, entry in sorted(table.items()):
        expected = {"type": entry["type"], "owner": entry.get("owner", "0 0")}
        if entry["type"] == "link":
            expected["target"] = entry["target"]
        else:
            expected["mode"] = entry["mode"]
        if tree.get(path) != expected:
            faults.append(f"{path}: {tree.get(path)}, expected {expected}")
    for path, entry in sorted(tree.items()):
        if path.startswith("etc/asl/") and int(entry.get("mode", "0"), 8) & EXECUTABLE and entry["type"] == "file":
            faults.append(f"{path}: executable; /etc/asl is declarative only")
    return faults


def breaking(old: dict, new: dict) -> list:
    """What `old` promised and `new` does not keep."""
    faults = []
    for path, entry in sorted(old["tree"].items()):
        if path not in new["tree"]:
            faults.append(f"{path}: removed or moved")
        elif new["tree"][path] != entry:
            faults.append(f"{path}: was {entry}, is {new['tree'][path]}")
    for what in ["config_keys", "mode_keys"]:
        for key in old[what]:
            if key not in new[what]:
                faults.append(f"{what.replace('_', ' ')}: {key} is gone")
    if old["soname"] != new["soname"]:
        faults.append(f"SONAME: was {old['soname']}, is {new['soname']}")
    return faults


def version_of(text: str) -> tuple:
    return tuple(int(part) for part in text.split("."))


def compare(old: dict, new: dict) -> list:
    """Faults of a change from `old` to `new`; a new major version excuses."""
    if version_of(new["version"])[0] > version_of(old["version"])[0]:
        return []
    return [f"{fault}: needs major version {version_of(old['version'])[0] + 1}" for fault in breaking(old, new)]


def last_before(history: pathlib.Path, version: str) -> dict:
    """The newest record that is not newer than `version`."""
    records = [json.loads(path.read_text()) for path in history.glob("*.json")]
    records = [old for old in records if version_of(old["version"]) <= version_of(version)]
    if not records:
        raise SystemExit(f"{history}: no record of a version up to {version}")
    return max(records, key=lambda old: version_of(old["version"]))


def check(args) -> int:
    new = json.loads(args.record.read_text())
    table = json.loads(args.table.read_text())
    old = last_before(args.history, new["version"])
    checks = {
        "the specification's tree": against_specification(new["tree"], args.specification.read_text(), table),
        "owners and modes": against_table(new["tree"], table),
        f"nothing of {old['version']} is broken": compare(old, new),
    }
    failed = 0
    for name, faults in checks.items():
        failed += bool(faults)
        print(f"{'FAIL' if faults else 'ok  '} {name}")
        for fault in faults:
            print(f"     {fault}")
    added = sorted(set(new["tree"]) - set(old["tree"]))
    if added and old["version"] == new["version"]:
        print(f"     since {old['version']} was recorded: {', '.join(added)}")
    # The fixtures of test_layout.py ran before this.
    args.result.write_text(
        json.dumps({"suite": "layout", "passed": len(checks) - failed, "failed": failed, "skipped": []})
    )
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("record")
    one.add_argument("--version", required=True)
    one.add_argument("--soname", required=True)
    for name in ["--listing", "--asl", "--overlay"]:
        one.add_argument(name, type=pathlib.Path, required=True)
    other = commands.add_parser("check")
    for name in ["--specification", "--table", "--record", "--history", "--result"]:
        other.add_argument(name, type=pathlib.Path, required=True)
    args = parser.parse_args()
    if args.command == "record":
        json.dump(record(args), sys.stdout, indent=1, sort_keys=True)
        print()
        return 0
    return check(args)


if __name__ == "__main__":
    sys.exit(main())
