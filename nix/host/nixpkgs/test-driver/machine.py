"""One QEMU guest and the root shell inside it.

The guest's shell is a bash on a virtio console. It says "Spawning backdoor root shell..." when
it is ready; each command then answers with one line of base64 and, asked once more, its status.
"""

import base64
import os
import queue
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from qmp import QMPSession

MARKER = b"Spawning backdoor root shell..."
START_SECONDS = 60  # QEMU only has to open its sockets in this time
SHELL_SECONDS = 600  # what has no shell by then has stopped on its way


class Logger(Protocol):
    def log(self, text: str, attrs: dict[str, str] | None = None) -> None: ...


class Machine:
    def __init__(
        self,
        start_command: str,
        *,
        name: str,
        tmp_dir: Path,
        out_dir: Path,
        logger: Logger,
        keep_state: bool = False,
    ) -> None:
        self.start_command = start_command
        self.name = name
        self.out_dir = out_dir
        self.logger = logger
        self.state_dir = tmp_dir / f"vm-state-{name}"
        if self.state_dir.exists() and not keep_state:
            shutil.rmtree(self.state_dir)
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        self.last_lines: queue.Queue[str] = queue.Queue()
        self._reset()

    def _reset(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None
        self.monitor: socket.socket | None = None
        self.shell: socket.socket | None = None
        self.qmp_client: QMPSession | None = None
        self.serial_thread: threading.Thread | None = None
        self.booted = False
        self.connected = False

    def log(self, text: str) -> None:
        self.logger.log(text, {"machine": self.name})

    def is_up(self) -> bool:
        return self.booted and self.connected

    # Life of the process

    def start(self, allow_reboot: bool = False) -> None:
        if self.booted:
            return
        monitor, shell = self._listen("monitor"), self._listen("shell")
        command = (
            f"{self.start_command}"
            " -qmp unix:qmp,server=on,wait=off"
            " -monitor unix:monitor"
            " -chardev socket,id=shell,path=shell"
            " -device virtio-serial -device virtconsole,chardev=shell"
            " -device virtio-rng-pci -serial stdio -nographic"
            f"{'' if allow_reboot else ' -no-reboot'}"
        )
        self.log(f"start: {command if len(command) < 400 else command[:400] + '...'}")
        # A session of its own: kill() then reaches QEMU even when the command forgot `exec`.
        self.process = subprocess.Popen(
            command,
            shell=True,
            cwd=self.state_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self.process.pid
        self.serial_thread = threading.Thread(target=self._read_serial, daemon=True)
        self.serial_thread.start()
        try:
            self.monitor = self._accept(monitor)
            self.shell = self._accept(shell)
            self.qmp_client = QMPSession.from_path(self.state_dir / "qmp")
            self._monitor_answer()
        except (OSError, ValueError) as error:
            # Bad arguments end QEMU after its first sockets are open; its own words are above.
            self.release()
            raise RuntimeError(f"QEMU did not start: {error}") from None
        self.booted = True

    def _listen(self, name: str) -> socket.socket:
        path = self.state_dir / name
        path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(path))
        sock.listen(1)
        sock.settimeout(0.2)
        return sock

    def _accept(self, listener: socket.socket) -> socket.socket:
        assert self.process
        end = time.monotonic() + START_SECONDS
        try:
            while time.monotonic() < end:
                try:
                    connection, _ = listener.accept()
                    connection.setblocking(True)
                    return connection
                except TimeoutError:
                    if self.process.poll() is not None:
                        raise OSError("it ended before it opened its sockets") from None
        finally:
            listener.close()
        raise TimeoutError(f"QEMU did not connect within {START_SECONDS} seconds")

    def _read_serial(self) -> None:
        assert self.process and self.process.stdout
        for line in self.process.stdout:
            self.last_lines.put(line.decode(errors="replace").replace("\r", "").rstrip())

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def release(self) -> None:
        if not self.process:
            return
        self.kill()
        self.process.wait()
        if self.serial_thread:
            self.serial_thread.join(timeout=10)
        for end in (self.monitor, self.shell, self.qmp_client):
            if end:
                end.close()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self._reset()

    def wait_for_shutdown(self) -> None:
        if not self.process:
            return
        self.process.wait()
        self.release()

    def shutdown(self) -> None:
        if not self.booted:
            return
        assert self.shell
        self.connect()
        self.shell.sendall(b"poweroff\n")
        self.wait_for_shutdown()

    def crash(self) -> None:
        """As if the plug were pulled."""
        if self.booted:
            assert self.monitor
            self.monitor.sendall(b"quit\n")
            self.wait_for_shutdown()

    # Monitor and console

    def _monitor_answer(self) -> str:
        assert self.monitor
        answer = b""
        while not answer.endswith(b"(qemu) "):
            chunk = self.monitor.recv(4096)
            if not chunk:
                break
            answer += chunk
        return answer.decode(errors="replace")

    def send_monitor_command(self, command: str) -> str:
        assert self.monitor
        self.monitor.sendall(command.encode() + b"\n")
        return self._monitor_answer()

    def send_console(self, chars: str) -> None:
        assert self.process and self.process.stdin
        self.process.stdin.write(chars.encode())
        self.process.stdin.flush()

    def wait_for_console_text(self, regex: str, timeout: int | None = None) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        seen = ""
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(f"console text {regex!r} not seen within {timeout} seconds")
            try:
                seen += self.last_lines.get(timeout=min(1.0, left or 1.0)) + "\n"
            except queue.Empty:
                continue
            if re.search(regex, seen):
                return

    # Shell

    def connect(self) -> None:
        if self.connected:
            return
        self.start()
        assert self.shell
        begin, seen = time.monotonic(), b""
        while MARKER not in seen:
            self.shell.settimeout(max(0.1, begin + SHELL_SECONDS - time.monotonic()))
            try:
                chunk = self.shell.recv(1024)
            except TimeoutError:
                raise TimeoutError(f"{self.name}: no shell in {SHELL_SECONDS} seconds") from None
            if not chunk:
                raise RuntimeError(f"{self.name}: guest ended before its shell was there")
            # The marker may be cut in two by the socket; the rest of the boot is of no use here.
            seen = seen[-len(MARKER) :] + chunk
        self.shell.settimeout(None)
        self.log(f"connected to guest root shell after {time.monotonic() - begin:.2f} s")
        self.connected = True

    def _shell_line(self) -> bytes:
        assert self.shell
        line = b""
        while not line.endswith(b"\n"):
            chunk = self.shell.recv(65536)
            if not chunk:
                raise RuntimeError(f"{self.name}: guest closed its shell")
            line += chunk
        return line

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: int | None = 900,
    ) -> tuple[int, str]:
        self.connect()
        assert self.shell
        limit = "" if timeout is None else f"timeout {timeout} "
        quoted = shlex.quote(f"set -euo pipefail; {command}")
        self.shell.sendall(f"{limit}bash -c {quoted} | (base64 -w 0; echo)\n".encode())
        if not check_output:
            return -2, ""
        output = base64.b64decode(self._shell_line()).decode(errors="replace")
        if not check_return:
            return -1, output
        self.shell.sendall(b"echo ${PIPESTATUS[0]}\n")
        return int(self._shell_line()), output

    def succeed(self, *commands: str, timeout: int | None = None) -> str:
        outputs = []
        for command in commands:
            status, output = self.execute(command, timeout=timeout)
            if status != 0:
                self.log(f"output: {output}")
                raise RuntimeError(f"command `{command}` failed (exit code {status})")
            outputs.append(output)
        return "".join(outputs)

    def fail(self, *commands: str, timeout: int | None = None) -> str:
        outputs = []
        for command in commands:
            status, output = self.execute(command, timeout=timeout)
            if status == 0:
                raise RuntimeError(f"command `{command}` unexpectedly succeeded: {output}")
            outputs.append(output)
        return "".join(outputs)

    def _until(self, wanted: bool, command: str, timeout: int) -> str:
        end = time.monotonic() + timeout
        while True:
            status, output = self.execute(command, timeout=timeout)
            if (status == 0) == wanted:
                return output
            if time.monotonic() >= end:
                verb = "succeed" if wanted else "fail"
                raise TimeoutError(f"`{command}` did not {verb} within {timeout} s: {output}")
            time.sleep(1)

    def wait_until_succeeds(self, command: str, timeout: int = 900) -> str:
        return self._until(True, command, timeout)

    def wait_until_fails(self, command: str, timeout: int = 900) -> str:
        return self._until(False, command, timeout)

    def wait_for_file(self, filename: str, timeout: int = 900) -> None:
        self._until(True, f"test -e {shlex.quote(filename)}", timeout)

    def copy_from_host_via_shell(self, source: str, target: str) -> None:
        content = base64.b64encode(Path(source).read_bytes()).decode()
        self.succeed(
            f"mkdir -p $(dirname {target})",
            f"echo -n {content} | base64 -d > {target}",
        )

    # systemd

    def systemctl(self, query: str) -> tuple[int, str]:
        return self.execute(f"systemctl {query}")

    def get_unit_info(self, unit: str) -> dict[str, str]:
        status, text = self.systemctl(f"--no-pager show {shlex.quote(unit)}")
        if status != 0:
            raise RuntimeError(f"systemctl show {unit} failed with exit code {status}")
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def get_unit_property(self, unit: str, property: str) -> str:
        info: dict[str, Any] = self.get_unit_info(unit)
        if property not in info:
            raise RuntimeError(f"unit {unit} has no property {property}")
        return str(info[property])

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        state = self.get_unit_info(unit)["ActiveState"]
        if state != require_state:
            raise RuntimeError(f"unit {unit} is {state}, expected {require_state}")

    def wait_for_unit(self, unit: str, timeout: int = 900) -> None:
        end = time.monotonic() + timeout
        while True:
            state = self.get_unit_info(unit)["ActiveState"]
            if state == "active":
                return
            if state == "failed":
                raise RuntimeError(f"unit {unit} failed")
            if state == "inactive" and "No jobs" in self.systemctl("list-jobs --full 2>&1")[1]:
                # The job may have ended between the two questions: ask once more.
                if (state := self.get_unit_info(unit)["ActiveState"]) == "inactive":
                    raise RuntimeError(f"unit {unit} is inactive and no job is pending")
            if time.monotonic() >= end:
                raise TimeoutError(f"unit {unit} is {state} after {timeout} seconds")
            time.sleep(1)
