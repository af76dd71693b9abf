"""A remote endpoint on the host, as far as preflight asks one."""

import socket
import threading
import time

HOST = "10.0.2.2"  # the host, as QEMU's user network shows it
# The reply of an NFS 4 server to an RPC NULL call: record mark, the call's id, reply, accepted, no
# verifier, success.
NFS_NULL = bytes.fromhex("80000018 41534c31 00000001 00000000 00000000 00000000 00000000")


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
            if self.behaviour == "hangs":
                time.sleep(60)
            else:
                connection.sendall(NFS_NULL)
