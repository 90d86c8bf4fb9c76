"""Trace: 32-byte rows of everything that happens, and the digest of them.

The digest of a run's rows is the whole trace read as one number, modulo a prime: each row's four 64-bit words, most
significant first, are the next digits. It is folded a block at a time here and may be folded a row at a time elsewhere.
"""

from __future__ import annotations

import array
import struct
import sys

from sandbox.core.dialect import List, late, record

ROW_BYTES = 32
BLOCK_ROWS = 1024
BLOCK_BYTES = ROW_BYTES * BLOCK_ROWS
PRIME = 2**128 - 159
STATE_ROWS = 32  # kinds from here on describe map contents and are no part of the digest

_store = struct.Struct("<QIBBHqHHI").pack_into


@record
class Trace:
    """Where rows go. `kept`: rows are collected for a reader, state rows included; otherwise only the digest is."""

    kept: bool
    now_ns: int = 0
    rows: int = 0
    used: int = 0
    state_used: int = 0
    digest: int = 0
    ring: bytearray = late()
    out: bytearray = late()
    log_rows: List[tuple[int, int, int, int, int, tuple[int, ...]]] = late()

    def open(self) -> None:
        """Allocate the buffers."""
        self.ring = bytearray(BLOCK_BYTES)
        self.out = bytearray()
        self.log_rows = List()

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
        _store(self.ring, self.used, self.now_ns, skb, kind, code, place, value, line, slot, aux)
        self.used += 32
        if self.kept:
            self.out += self.ring[self.used - 32 : self.used]
            self.rows += 1
        if self.used == BLOCK_BYTES:
            self.fold()

    def state(
        self, kind: int, code: int, place: int, value: int, line: int, slot: int, aux: int
    ) -> None:
        """Write a row about the contents of a map; only kept traces have them."""
        if self.kept:
            self.out += _pack(
                self.now_ns, 0, kind, code, place, value, line, slot, aux & 0xFFFFFFFF
            )
            self.rows += 1

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


_pack = struct.Struct("<QIBBHqHHI").pack
