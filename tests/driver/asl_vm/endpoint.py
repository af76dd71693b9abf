"""A remote endpoint on the host that is of no use: `hangs` or `closed`."""

import socket
import threading
import time

HOST = "10.0.2.2"  # the host, as QEMU's user network shows it


class Endpoint:
    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"nfs://{HOST}:{self.port}/asl"
        self.asked = 0
        if behaviour == "closed":
            self.listener.close()
        else:
            threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            self.asked += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(1024)
            time.sleep(60)
