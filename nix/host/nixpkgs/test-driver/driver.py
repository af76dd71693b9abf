"""The driver: the symbols a test script sees, its machines and their end."""

import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import Machine


class Log:
    """Lines with the seconds since the start, so that a slow step shows in the build log."""

    def __init__(self) -> None:
        self.begin = time.monotonic()

    def log(self, text: str, attrs: dict[str, str] | None = None) -> None:
        who = f"{attrs['machine']}: " if attrs and "machine" in attrs else ""
        print(f"[{time.monotonic() - self.begin:7.2f}] {who}{text}", file=sys.stderr, flush=True)

    info = warning = error = log


def retry(condition: Callable[[bool], bool], timeout: int = 900) -> None:
    """Call once a second until true; the last call is told that it is the last."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition(False):
            return
        time.sleep(1)
    if not condition(True):
        raise TimeoutError(f"action timed out after {timeout} seconds")


class Driver:
    def __init__(self, out_dir: Path, global_timeout: int) -> None:
        self.out_dir = out_dir
        self.global_timeout = global_timeout
        self.logger = Log()
        self.machines: list[Machine] = []
        self.timed_out = False
        self.timer = threading.Timer(global_timeout, self._expire)
        self.timer.daemon = True

    def __enter__(self) -> "Driver":
        return self

    def __exit__(self, *_: object) -> None:
        # Unlike the real driver this one also knows the machines of create_machine:
        # a script that forgets release() must not leave a guest behind.
        self.timer.cancel()
        for machine in self.machines:
            machine.release()

    def _expire(self) -> None:
        # Killing the guests wakes the script, which sits in a read from one of them.
        self.timed_out = True
        self.logger.error(f"global timeout of {self.global_timeout} seconds reached")
        for machine in self.machines:
            machine.kill()

    def create_machine(
        self,
        start_command: str,
        *,
        name: str | None = None,
        keep_machine_state: bool = False,
    ) -> Machine:
        machine = Machine(
            start_command,
            name=name or "machine",
            tmp_dir=Path(tempfile.gettempdir()),
            out_dir=self.out_dir,
            logger=self.logger,
            keep_state=keep_machine_state,
        )
        self.machines.append(machine)
        return machine

    @contextmanager
    def subtest(self, name: str) -> Iterator[None]:
        self.logger.info(f"subtest: {name}")
        try:
            yield
        except Exception as error:
            self.logger.error(f'Test "{name}" failed with error: "{error}"')
            raise

    def start_all(self) -> None:
        for machine in self.machines:
            machine.start()

    def join_all(self) -> None:
        for machine in self.machines:
            machine.wait_for_shutdown()

    def symbols(self) -> dict[str, Any]:
        return {
            "create_machine": self.create_machine,
            "driver": self,
            "join_all": self.join_all,
            "log": self.logger,
            "os": os,
            "retry": retry,
            "start_all": self.start_all,
            "subtest": self.subtest,
        }

    def run(self, script: Path) -> int:
        code = compile(script.read_text(), str(script), "exec")
        self.timer.start()
        try:
            exec(code, self.symbols())
        except Exception:
            if self.timed_out:
                self.logger.error("the script was cut short by the global timeout")
            traceback.print_exc()
            return 1
        self.logger.info("test script finished")
        return 0
