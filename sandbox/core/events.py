"""Events: what lies on the heap, (time_ns, key), the key saying the rest.

A key's bits, from the top: the rank of the event's kind at one instant (changes of the scenario, then ends of
transmission and receptions, then arrivals, then timers), the number of its scheduling, what it is about by number, its
kind. So keys order the events of one instant, and no two are equal.
"""

from __future__ import annotations

from sandbox.core.dialect import Array

EV_CHANGE, EV_TX_END, EV_RECEIVE, EV_WATCHDOG, EV_TIMER, EV_ARRIVE = range(6)
KIND_BITS, INDEX_BITS, NUMBER_BITS = 3, 22, 36
KIND_MASK = (1 << KIND_BITS) - 1
INDEX_MASK = (1 << INDEX_BITS) - 1
NUMBER_SHIFT = KIND_BITS + INDEX_BITS
RANK_SHIFT = NUMBER_SHIFT + NUMBER_BITS

BASES: Array[int] = Array(
    [(rank << RANK_SHIFT) + kind for kind, rank in enumerate((0, 1, 1, 3, 3, 2))]
)
ARRIVE_BASE = (2 << RANK_SHIFT) + EV_ARRIVE
TX_END_BASE = (1 << RANK_SHIFT) + EV_TX_END


def index_of(key: int) -> int:
    """Return what an event is about, by number."""
    return (key >> KIND_BITS) & INDEX_MASK
