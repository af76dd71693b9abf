"""Run one VM test script: python3 -B test-driver [-o DIR] [--global-timeout S] SCRIPT

Stands in for nixos-test-driver where only the distribution's Nix is at hand. It offers the
names of that driver's API that the scenarios use, over the same shell protocol, so that a
scenario cannot tell which of the two runs it. Standard library only.
"""

import argparse
import sys
from pathlib import Path

from driver import Driver


def main() -> int:
    parser = argparse.ArgumentParser(prog="test-driver")
    parser.add_argument("-o", "--output-directory", type=Path, default=Path.cwd())
    parser.add_argument("--global-timeout", type=int, default=3600, metavar="SECONDS")
    parser.add_argument("script", type=Path)
    args = parser.parse_args()
    with Driver(args.output_directory.resolve(), args.global_timeout) as driver:
        return driver.run(args.script)


if __name__ == "__main__":
    sys.exit(main())
