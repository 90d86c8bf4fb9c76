"""What the client does when the network loses what it sent or what came back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from qdisc_playground import Playground
from tests.backend.service import Service
from tests.backend.test_batches import LIMITED, SCENARIO

PROGRAMS = {"mine.qdisc.py": LIMITED}
PIECE_BYTES = 65_536
REST_S = 0.3


@dataclass
class Cutter:
    """A proxy that cuts the first connections that carry `marker`, after `bytes_back` of the answer."""

    upstream: tuple[str, int]
    marker: bytes
    cuts: int
    bytes_back: int
    cut: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = self.cuts
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self.upstream)
        asked = threading.Event()

        def forward() -> None:
            try:
                while piece := client.recv(PIECE_BYTES):
                    if self.marker in piece:
                        asked.set()
                    server.sendall(piece)
            except OSError:
                pass

        threading.Thread(target=forward, daemon=True).start()
        with closing(client), closing(server):
            sent = 0
            try:
                while piece := server.recv(PIECE_BYTES):
                    if asked.is_set() and self.left > 0:
                        kept = piece[: max(0, self.bytes_back - sent)]
                        client.sendall(kept)
                        sent += len(kept)
                        if len(kept) < len(piece):
                            self.left -= 1
                            client.shutdown(socket.SHUT_RDWR)
                            self.cut.append(piece + _rest(server))
                            return
                    else:
                        client.sendall(piece)
            except OSError:
                return


def _rest(server: socket.socket) -> bytes:
    """Return what else the service says soon."""
    server.settimeout(REST_S)
    found = b""
    try:
        while piece := server.recv(PIECE_BYTES):
            found += piece
    except TimeoutError:
        pass
    return found


def cutter(served: Service, marker: bytes, cuts: int, bytes_back: int) -> Cutter:
    place = urlsplit(served.url)
    assert place.hostname is not None
    assert place.port is not None
    return Cutter((place.hostname, place.port), marker, cuts, bytes_back)


def until(holds: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends_s
        time.sleep(0.02)


def test_a_post_whose_answer_is_lost_begins_one_sweep(served: Service) -> None:
    proxy = cutter(served, b"POST /api/batches HTTP", cuts=2, bytes_back=0)
    with closing(proxy.listener), Playground(proxy.url) as playground:
        batch = playground.sweep(SCENARIO, programs=PROGRAMS, params={"limit": [3, 4]}, seeds=2)
        until(lambda: len(proxy.cut) == 2)
        assert all(batch.id.encode() in answer for answer in proxy.cut)
        assert len(batch.wait(progress=False).results()) == 4


def test_rows_come_once_each_though_their_stream_is_cut(served: Service) -> None:
    proxy = cutter(served, b"/events", cuts=3, bytes_back=1500)
    with closing(proxy.listener), Playground(proxy.url) as playground:
        batch = playground.sweep(SCENARIO, programs=PROGRAMS, params={"limit": "6..9:4"}, seeds=3)
        keys = [row["key"] for row in batch.rows()]
        until(lambda: len(proxy.cut) == 3)
        assert len(keys) == len(set(keys)) == 12
