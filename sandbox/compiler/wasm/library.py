"""What compiled code uses in place of CPython's own: memory, heaps, dictionaries, lists, rows and their digest.

Written in the dialect, with a few words that the compiler knows (`peek32` …). Nothing here runs under CPython.
"""

from __future__ import annotations

from sandbox.core.dialect import M64, Array, late, record
from sandbox.core.trace import ROW_BYTES, Trace

FAULT_CODE, FAULT_LINE, FAULT_VALUE, HEAP_TOP, HEAP_END = 8, 16, 24, 32, 36
FREE_BLOCKS = 64  # by size class, 4 bytes each
PAGE = 65536
GOLDEN = 0x9E3779B97F4A7C15
OUT_OF_MEMORY = 100
CELL_BYTES, CELLS_AT = 32, 8
LOW32 = 0xFFFFFFFF
FOLD = 25281  # 2**256 modulo the digest's prime
EXCESS = 159  # 2**128 modulo the prime


def peek32(at: int) -> int:
    """Return the 32-bit word at an address."""
    raise NotImplementedError


def peek64(at: int) -> int:
    """Return the 64-bit word at an address."""
    raise NotImplementedError


def poke8(at: int, value: int) -> None:
    """Write a byte."""


def poke16(at: int, value: int) -> None:
    """Write two bytes."""


def poke32(at: int, value: int) -> None:
    """Write four bytes."""


def poke64(at: int, value: int) -> None:
    """Write eight bytes."""


def copy(to: int, source: int, count: int) -> None:
    """Copy bytes."""


def wide_mul(a: int, b: int) -> tuple[int, int]:
    """Return the product of two unsigned words, lower word first."""
    raise NotImplementedError


def wide_add(a: int, a_high: int, b: int, b_high: int) -> tuple[int, int]:
    """Return the sum of two numbers of two words each."""
    raise NotImplementedError


def address(thing: object) -> int:
    """Return where something lies."""
    raise NotImplementedError


def stop() -> None:
    """End execution at once."""


def fault(code: int, line: int, value: int) -> None:
    """End the run at a line of a program."""
    poke64(FAULT_CODE, code)
    poke64(FAULT_LINE, line)
    poke64(FAULT_VALUE, value)
    stop()


def alloc(size: int) -> int:
    """Return fresh zeroed memory."""
    top = peek32(HEAP_TOP)
    end = top + ((size + 7) & -8)
    if end > peek32(HEAP_END):
        fault(OUT_OF_MEMORY, 0, end)
    poke32(HEAP_TOP, end)
    return top


def grow_list(at: int, stride: int) -> None:
    """Double the room of a list; blocks are powers of two and are used again."""
    count = peek32(at)
    size = 64
    size_class = FREE_BLOCKS + 4 * 6
    while size < (count + 1) * stride:
        size = size * 2
        size_class += 4
    block = peek32(size_class)
    if block != 0:
        poke32(size_class, peek32(block))
    else:
        block = alloc(size)
    old = peek32(at + 8)
    if old != 0:
        copy(block, old, count * stride)
        size_class = FREE_BLOCKS + 4 * 6
        size_bytes = 64
        while size_bytes < count * stride:
            size_bytes = size_bytes * 2
            size_class += 4
        poke32(old, peek32(size_class))
        poke32(size_class, old)
    poke32(at + 8, block)
    poke32(at + 4, size // stride)


# --- dictionaries ---------------------------------------------------------------------------------


@record
class IntDict:
    """int → int by open addressing; four words a cell: key, value + 1 (0: empty), number of its insertion, unused.

    Values are never negative. The numbers give CPython's order of iteration back when memory is read.
    """

    cells: Array[int] = late()
    mask: int = 0
    used: int = 0
    inserted: int = 0

    def cell(self, number: int) -> int:
        """Return the address of a cell."""
        return address(self.cells) + CELLS_AT + CELL_BYTES * number

    def home(self, key: int) -> int:
        """Return the number of the cell where a key belongs."""
        return (((key & M64) * GOLDEN & M64) >> 32) & self.mask

    def find(self, key: int) -> int:
        """Return the address of a key's cell, or of the empty cell where it would go."""
        i = self.home(key)
        at = self.cell(i)
        while peek64(at + 8) != 0 and peek64(at) != key:
            i = (i + 1) & self.mask
            at = self.cell(i)
        return at

    def get(self, key: int, default: int) -> int:
        """Return a key's value."""
        value = peek64(self.find(key) + 8)
        return value - 1 if value != 0 else default

    def __contains__(self, key: int) -> bool:
        return peek64(self.find(key) + 8) != 0

    def __len__(self) -> int:
        return self.used

    def __setitem__(self, key: int, value: int) -> None:
        at = self.find(key)
        if peek64(at + 8) == 0:
            self.used += 1
            self.inserted += 1
            poke64(at, key)
            poke64(at + 16, self.inserted)
        poke64(at + 8, value + 1)
        if 2 * self.used > self.mask:
            self.widen()

    def __delitem__(self, key: int) -> None:
        hole = self.find(key)
        if peek64(hole + 8) == 0:
            stop()
        self.used -= 1
        empty = (hole - self.cell(0)) // CELL_BYTES
        i = empty
        while True:
            i = (i + 1) & self.mask
            at = self.cell(i)
            if peek64(at + 8) == 0:
                break
            if ((i - self.home(peek64(at))) & self.mask) >= ((i - empty) & self.mask):
                copy(hole, at, 24)
                hole = at
                empty = i
        poke64(hole + 8, 0)

    def widen(self) -> None:
        """Double the cells."""
        old = self.cell(0)
        count = self.mask + 1
        self.mask = 2 * self.mask + 1
        self.cells = Array[int](4 * (self.mask + 1))
        for i in range(count):
            at = old + CELL_BYTES * i
            if peek64(at + 8) != 0:
                copy(self.find(peek64(at)), at, 24)


# --- rows -----------------------------------------------------------------------------------------


def who_word(skb: int, kind: int, code: int, place: int) -> int:
    """Return a row's second word."""
    return (skb & LOW32) | (kind << 32) | (code << 40) | (place << 48)


def where_word(line: int, slot: int, aux: int) -> int:
    """Return a row's last word."""
    return (line & 0xFFFF) | ((slot & 0xFFFF) << 16) | (aux << 32)


def put_row(
    at: int,
    now_ns: int,
    skb: int,
    kind: int,
    code: int,
    place: int,
    value: int,
    line: int,
    slot: int,
    aux: int,
) -> None:
    """Write a row's 32 bytes."""
    poke64(at, now_ns)
    poke64(at + 8, who_word(skb, kind, code, place))
    poke64(at + 16, value)
    poke64(at + 24, where_word(line, slot, aux))


def trace_row(
    self: Trace,
    skb: int,
    kind: int,
    code: int,
    place: int,
    value: int,
    line: int,
    slot: int,
    aux: int,
) -> None:
    """Fold a row into the digest (Trace.row), its first two words being worth 2**128 as much as the others.

    The digest is two words of 64 bits, lower first. What is above 2**128 counts EXCESS times below.
    """
    first = who_word(skb, kind, code, place)
    last = where_word(line, slot, aux)
    digest = address(self.digest) + 8
    low, carry = wide_mul(peek64(digest), FOLD)
    more, over = wide_mul(first, EXCESS)
    low, carry = wide_add(low, carry, more, over)
    low, carry = wide_add(low, carry, last, 0)
    high, top = wide_mul(peek64(digest + 8), FOLD)
    more, over = wide_mul(self.now_ns, EXCESS)
    high, top = wide_add(high, top, more, over)
    high, top = wide_add(high, top, value, 0)
    high, top = wide_add(high, top, carry, 0)
    low, higher = wide_add(low, high, top * EXCESS, 0)
    if higher == 0 and high != 0:  # once more around
        low += EXCESS
    poke64(digest, low)
    poke64(digest + 8, higher)
    if self.kept:
        trace_note(self, skb, kind, code, place, value, line, slot, aux)


def trace_note(
    self: Trace,
    skb: int,
    kind: int,
    code: int,
    place: int,
    value: int,
    line: int,
    slot: int,
    aux: int,
) -> None:
    """Write a row for readers only (Trace.note)."""
    if self.kept:
        out = address(self.out)
        used = peek32(out)
        if used + ROW_BYTES > peek32(out + 4):
            grow_list(out, 1)
        put_row(peek32(out + 8) + used, self.now_ns, skb, kind, code, place, value, line, slot, aux)
        poke32(out, used + ROW_BYTES)
        self.rows += 1


# --- arithmetic of programs -----------------------------------------------------------------------


def high32(word: int) -> int:
    """Return the upper half of a word."""
    return ((word & M64) >> 32) & LOW32


def isqrt(x: int) -> int:
    """Return the integer square root, 0 for a negative number."""
    if x <= 0:
        return 0
    bit = 1 << 62
    while bit > x:
        bit = bit >> 2
    root = 0
    while bit != 0:
        if x >= root + bit:
            x -= root + bit
            root = (root >> 1) + bit
        else:
            root = root >> 1
        bit = bit >> 2
    return root
