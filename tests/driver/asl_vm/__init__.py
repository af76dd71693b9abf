"""What the scenarios are written in: boots of the unmodified image, disks, assertions.

A scenario is a script for the NixOS test driver's API. Its preamble (nix/vm-tests.nix) makes
the object `lab` from that API's create_machine, so the same text runs under the real driver and
under the stand-in. Nothing here imports either of them.
"""

from .lab import Lab

__all__ = ["Lab"]
