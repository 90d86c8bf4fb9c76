"""The thumbnail of a share, drawn from its stored facts: backlog over the run, packets waiting.

The page sends numbers, never pixels, so that nobody can have this service show an image of theirs.
A PNG needs two checksums and zlib, which the standard library has.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

from backend.shares.document import Box, Picture

WIDTH, HEIGHT = 1200, 630
KEPT = 256
GROUND, PANEL, LINE, PAST, FUTURE, HEAD, HATCH, PLATE, WHITE, AMBER = range(10)
FLOWS = 10
COLOURS = (
    "0f141a", "161d25", "3b4a59", "4c7fb4", "2a3b4d", "ffc24a", "0f141a", "14324f", "ffffff",
    "ffc24a", "4c9be8", "f5b83d", "d24b87", "5affff", "e1ffa5", "78780f",
)  # fmt: skip
PLOT = (60, 350, 1080, 220)
QUEUE = (60, 150, 960, 140)


class Canvas:
    """Pixels as palette numbers."""

    def __init__(self) -> None:
        self.rows = [bytearray([GROUND]) * WIDTH for _ in range(HEIGHT)]

    def fill(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        """Fill a rectangle; what lies outside is left out."""
        left, right = max(0, x), min(WIDTH, x + width)
        if right <= left:
            return
        run = bytes([colour]) * (right - left)
        for row in self.rows[max(0, y) : max(0, y + height)]:
            row[left:right] = run

    def png(self) -> bytes:
        """Return the picture as a PNG with a palette."""
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + row for row in self.rows), 6)
        parts = (
            (b"IHDR", head),
            (b"PLTE", bytes.fromhex("".join(COLOURS))),
            (b"IDAT", pixels),
            (b"IEND", b""),
        )
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@lru_cache(maxsize=KEPT)
def drawn(facts: str) -> bytes:
    """Return the thumbnail for the JSON of a picture; those asked for lately are kept."""
    return draw(Picture.model_validate_json(facts))


def draw(picture: Picture) -> bytes:
    """Return the thumbnail as a PNG of 1200 by 630."""
    canvas = Canvas()
    _sign(canvas)
    _queue(canvas, picture.boxes)
    _curve(canvas, picture.curve, picture.at)
    return canvas.png()


def _sign(canvas: Canvas) -> None:
    """Draw the playground's mark: three packets in a queue."""
    canvas.fill(60, 50, 64, 64, PLATE)
    canvas.fill(70, 66, 6, 32, FLOWS)
    canvas.fill(80, 66, 14, 32, AMBER)
    canvas.fill(98, 66, 6, 32, FLOWS)
    for step in range(10):
        canvas.fill(106 + step, 72 + step, 3, 20 - 2 * step, WHITE)


def _queue(canvas: Canvas, boxes: list[Box]) -> None:
    """Draw the packets that wait, the head at the right, before the wire."""
    x, y, width, height = QUEUE
    canvas.fill(x, y, width, height, LINE)
    canvas.fill(x + 3, y + 3, width - 6, height - 6, PANEL)
    canvas.fill(x + width, y + height // 2 - 2, WIDTH - x - width, 4, LINE)
    right = x + width - 14
    for box in boxes:
        size = 10 + box.width * 60 // 100
        if right - size < x + 14:
            break
        canvas.fill(right - size, y + 24, size, height - 48, FLOWS + box.flow % 6)
        if box.marked:
            for stripe in range(y + 28, y + height - 28, 10):
                canvas.fill(right - size, stripe, size, 3, HATCH)
        right -= size + 5


def _curve(canvas: Canvas, curve: list[int], at: int) -> None:
    """Draw the backlog over the run, what has happened brighter, and the moment."""
    x, y, width, height = PLOT
    moment = x + width * at // 1000
    for index, percent in enumerate(curve):
        left, right = (x + width * edge // len(curve) for edge in (index, index + 1))
        size = height * percent // 100
        canvas.fill(left, y + height - size, right - left, size, FUTURE)
        canvas.fill(left, y + height - size, min(right, moment) - left, size, PAST)
    canvas.fill(x, y + height, width, 3, LINE)
    canvas.fill(moment - 2, y - 16, 5, height + 34, HEAD)
