"""The worker's end of its socket to the service: framed messages on fd 0, and nothing else.

Only read, write and a receive that does not wait are used, since the lock allows no more. A service
that is gone shows as ServiceGone, which ends the worker.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from sandbox.protocol import (
    HEADER,
    JOB_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    MessageType,
    ProtocolError,
    decode_header,
    decode_json,
    encode_frame,
    encode_json,
)

READ_BYTES = 256 * 1024


class ServiceGone(Exception):
    """The other end is closed."""


class Channel:
    """Messages in and out; `control` must be a connected stream socket in blocking mode."""

    def __init__(self, control: socket.socket) -> None:
        self._socket = control
        self._fd = control.fileno()
        self._received = bytearray()

    def receive(self) -> dict[str, Any]:
        """Wait for the next message."""
        while True:
            message = self._next()
            if message is not None:
                return message
            self._add(os.read(self._fd, READ_BYTES))

    def poll(self) -> dict[str, Any] | None:
        """Return the next message when one has already arrived."""
        message = self._next()
        if message is not None:
            return message
        try:
            self._add(self._socket.recv(READ_BYTES, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return None
        return self._next()

    def send(self, message: dict[str, Any]) -> None:
        """Send a JSON message; one that is too large is our own mistake."""
        encoded = encode_json(message)
        if len(encoded) - HEADER.size > MESSAGE_BYTES_MAX:
            raise ProtocolError("too-large", f"the answer has {len(encoded)} bytes")
        self._write(encoded)

    def send_rows(self, seq: int, data: bytes | memoryview) -> None:
        """Send a frame of rows, the first of them number `seq`."""
        self._write(encode_frame(seq, data))

    def linger(self) -> None:
        """Wait until the other end is closed.

        Whoever ends with words unread, or while somebody speaks to it, makes the other end lose its
        last answer.
        """
        while os.read(self._fd, READ_BYTES):
            pass

    def _write(self, encoded: bytes) -> None:
        view = memoryview(encoded)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except (BrokenPipeError, ConnectionResetError):
            raise ServiceGone from None

    def _add(self, data: bytes) -> None:
        if not data:
            raise ServiceGone
        self._received += data

    def _next(self) -> dict[str, Any] | None:
        """Cut the next whole message from what has arrived."""
        if len(self._received) < HEADER.size:
            return None
        length, kind = decode_header(bytes(self._received[: HEADER.size]), JOB_BYTES_MAX)
        end = HEADER.size + length
        if len(self._received) < end:
            return None
        payload = bytes(self._received[HEADER.size : end])
        del self._received[:end]
        if kind is not MessageType.JSON:
            raise ProtocolError("bad-message", "a worker takes JSON only")
        return decode_json(payload)
