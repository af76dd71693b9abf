"""A QMP client: one command, one answer, events dropped."""

import json
import socket
from pathlib import Path
from typing import Any


class QMPError(Exception):
    """QEMU refused a command."""


class QMPSession:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.lines = sock.makefile("r", encoding="utf-8")
        greeting = json.loads(self.lines.readline())
        if "QMP" not in greeting:
            raise QMPError(f"not a QMP greeting: {greeting}")
        self.send("qmp_capabilities")

    @classmethod
    def from_path(cls, path: Path) -> "QMPSession":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        return cls(sock)

    def send(self, command: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
        message: dict[str, Any] = {"execute": command}
        if args:
            message["arguments"] = args
        self.sock.sendall(json.dumps(message).encode() + b"\n")
        while line := self.lines.readline():
            answer: dict[str, Any] = json.loads(line)
            if "error" in answer:
                raise QMPError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer
        raise QMPError(f"{command}: QEMU closed the connection")

    def close(self) -> None:
        self.lines.close()
        self.sock.close()
