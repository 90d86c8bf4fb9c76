"""Functions in the dialect, run both by CPython and compiled."""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace

from sandbox.core.dialect import M64, Array, Dict, List, late, record, u64

TABLE: Array[int] = Array([3, 1, 4, 1, 5, 9, 2, 6])
SCALE: Array[float] = Array([0.5, 1.25, 3.0])


@record
class Box:
    index: Dict[int, int] = late()
    items: List[int] = late()
    calls: int = 0


def divide(box: Box, a: int, b: int) -> int:
    if b == 0:
        return -1
    return (a // b) * 7 + a % b + (a % 8) + (a // 16)


def chain(box: Box, a: int, b: int) -> int:
    total = 0
    if -10 <= a < b:
        total += 1
    if a < b < 50 and not (a == 3 or b == 4):
        total += 2
    return total + (5 if a in box.items else 9) + min(a, b) - max(3, a)


def bump(box: Box, amount: int) -> int:
    box.calls += amount
    return box.calls


def order(box: Box, a: int, b: int) -> int:
    """Operands and arguments are evaluated from left to right, and once."""
    box.calls = 0
    first = box.calls + 10 * bump(box, 1) + 100 * box.calls + 1000 * bump(box, 2)
    box.items.append(bump(box, a & 3))
    box.items[bump(box, 1) & 0] += bump(box, b & 3)
    return first + box.calls + box.items.pop()


def mixed(box: Box, a: int, b: int) -> int:
    z: u64 = (a * 0x9E3779B97F4A7C15) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = z ^ (z >> 31)
    x = float(z >> 11) * SCALE[b & 1] / 8.0
    return (z >> 40) + int(x) % 1000 + TABLE[z & 7]


def loops(box: Box, a: int, b: int) -> int:
    total = 0
    for i in range(10, a & 7, -3):
        if i == 4:
            continue
        total += i
        for _ in range(b & 3):
            total = total * 3
            if total > 1000:
                break
    while total > 50:
        total -= 37
    return total


def heaps(box: Box, a: int, b: int) -> int:
    heap: List[tuple[int, int, int]] = List()
    state = a & 0xFFFF
    total = 0
    for i in range(60):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        if len(heap) > 0 and state & 3 == 0:
            _, number, value = heappop(heap)
            total = (total * 31 + value + number) & 0xFFFFFF
        elif len(heap) > 3 and state & 3 == 1:
            heapreplace(heap, ((state >> 4) % 20, i, state & 255))
        else:
            heappush(heap, ((state >> 4) % 20, i, state & 255))
    heap[0] = (b & 31, 1000, 5)
    heapify(heap)
    while len(heap) > 0:
        total = (total * 31 + heappop(heap)[2]) & 0xFFFFFF
    return total


def dictionary(box: Box, a: int, b: int) -> int:
    index = box.index
    state = a & 0xFFFF
    total = 0
    for i in range(200):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        key = (state >> 8) % 40 - 20
        if state & 7 < 4:
            index[key] = i
        elif key in index:
            total = (total * 31 + index.get(key, -1)) & 0xFFFFFF
            del index[key]
        else:
            total += index.get(key, b & 15) + len(index)
    return total


def lists(box: Box, a: int, b: int) -> int:
    items: List[int] = List()
    for i in range(20 + (a & 31)):
        items.append(i * b)
    items.insert(3, a)
    total = items.pop(1) + items.pop(0)
    for i in range(len(items) - 1, -1, -1):
        total = (total * 7 + items[i]) & 0xFFFFFF
    return total + value_of(box, a).bit_length()


def value_of(box: Box, a: int) -> int:
    return a & 0xFFFF
