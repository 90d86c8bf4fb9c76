"""Generic: heaps and lists of any items, translated anew for each type of item. Nothing here runs under CPython.

`item_at` … `fill` are words that the compiler knows (heap_code.py).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations


def item_at(heap, at):
    """Return where an item of a list lies; the index is known to be inside."""
    raise NotImplementedError


def less(heap, item, at):
    """Return whether an item is less than the one at an address."""
    raise NotImplementedError


def smaller(heap, child):
    """Return 1 when the item behind a child is less than it, else 0."""
    raise NotImplementedError


def move(heap, to, source):
    """Copy an item from one address to another."""
    raise NotImplementedError


def fill(heap, at, item):
    """Write an item to an address."""
    raise NotImplementedError


# --- heaps ----------------------------------------------------------------------------------------


def heappush(heap, item):
    """Put an item on a heap."""
    i = len(heap)
    heap.append(item)
    rise(heap, i, item)


def rise(heap, start, item):
    """Put an item in its place at or above a hole."""
    i = start
    hole = item_at(heap, i)
    while i > 0:
        parent = (i - 1) >> 1
        above = item_at(heap, parent)
        if not less(heap, item, above):
            break
        move(heap, hole, above)
        hole = above
        i = parent
    fill(heap, hole, item)


def sink(heap, n, item):
    """Put an item in the place of the smallest of n: the hole sinks to a leaf, the item rises from there.

    Choosing the smaller child is arithmetic, since no machine can foretell it.
    """
    i = 0
    hole = item_at(heap, 0)
    child = 1
    while child + 1 < n:
        child += smaller(heap, child)
        below = item_at(heap, child)
        move(heap, hole, below)
        hole = below
        i = child
        child = 2 * i + 1
    if child < n:
        move(heap, hole, item_at(heap, child))
        i = child
    rise(heap, i, item)


def heappop(heap):
    """Take the smallest item off a heap."""
    last = heap.pop()
    n = len(heap)
    if n == 0:
        return last
    top = heap[0]
    sink(heap, n, last)
    return top


def heapreplace(heap, item):
    """Put an item in the place of the smallest."""
    sink(heap, len(heap), item)


def heapify(heap):
    """Make a heap of a list."""
    for i in range(1, len(heap)):
        item = heap[i]
        rise(heap, i, item)


# --- lists ----------------------------------------------------------------------------------------


def list_pop_at(items, at):
    """Take the item at an index out of a list."""
    item = items[at]
    for i in range(at, len(items) - 1):
        items[i] = items[i + 1]
    items.pop()
    return item


def list_insert(items, at, item):
    """Put an item into a list at an index."""
    items.append(item)
    i = len(items) - 1
    while i > at:
        items[i] = items[i - 1]
        i -= 1
    items[at] = item


def list_contains(items, wanted):
    """Return whether an int is in a list."""
    found = False
    for i in range(len(items)):
        if items[i] == wanted:
            found = True
    return found
