"""Trace: 32-byte rows of everything that happens, and the digest of them.

Two sorts of rows. What decides a run (`row`) counts towards the digest, whether or not anybody keeps it.
What follows from those, or shows the contents of a map (`note`, `state`), is written for readers of a kept trace only.

The digest is the counted rows read as one long number, modulo a prime: each row's four 64-bit words, most significant
first, are its next digits. It is folded a block at a time here and may be folded a row at a time elsewhere.
"""

from __future__ import annotations

import array
import struct
import sys

from sandbox.core.dialect import late, record

ROW_BYTES = 32
BLOCK_ROWS = 1024
BLOCK_BYTES = ROW_BYTES * BLOCK_ROWS
PRIME = 2**128 - 159

_ROW = struct.Struct("<QIBBHqHHI")
_store = _ROW.pack_into
_pack = _ROW.pack


@record
class Trace:
    """Where rows go. `kept`: rows are collected for a reader; otherwise only the digest is."""

    kept: bool
    now_ns: int = 0
    rows: int = 0
    used: int = 0
    digest: int = 0
    ring: bytearray = late()
    out: bytearray = late()

    def open(self) -> None:
        """Allocate the buffers."""
        self.ring = bytearray(BLOCK_BYTES)
        self.out = bytearray()

    def row(
        self,
        skb: int,
        kind: int,
        code: int,
        place: int,
        value: int,
        line: int,
        slot: int,
        aux: int,
    ) -> None:
        """Write a row that counts towards the digest."""
        used = self.used
        _store(self.ring, used, self.now_ns, skb, kind, code, place, value, line, slot, aux)
        self.used = used + ROW_BYTES
        if self.kept:
            self.out += self.ring[used : used + ROW_BYTES]
            self.rows += 1
        if used == BLOCK_BYTES - ROW_BYTES:
            self.fold()

    def note(
        self,
        skb: int,
        kind: int,
        code: int,
        place: int,
        value: int,
        line: int,
        slot: int,
        aux: int,
    ) -> None:
        """Write a row that follows from others; callers test `kept` first where it matters."""
        if self.kept:
            self.out += _pack(self.now_ns, skb, kind, code, place, value, line, slot, aux)
            self.rows += 1

    def state(
        self, kind: int, code: int, place: int, value: int, line: int, slot: int, aux: int
    ) -> None:
        """Write a row about the contents of a map."""
        if self.kept:
            self.note(0, kind, code, place, value, line, slot, aux & 0xFFFFFFFF)

    def fold(self) -> None:
        """Fold the rows in the ring into the digest and empty it."""
        if self.used == 0:
            return
        words = array.array("Q", bytes(self.ring[: self.used]))
        if sys.byteorder == "little":
            words.byteswap()
        block = int.from_bytes(words.tobytes(), "big")
        self.digest = (self.digest * pow(2, 8 * self.used, PRIME) + block) % PRIME
        self.used = 0

    def take(self) -> bytes:
        """Return the kept rows since the last call."""
        rows = bytes(self.out)
        self.out.clear()
        return rows
