"""The integers of the trace and of dispatch; docs/protocol.md gives their meaning."""

from __future__ import annotations

ARRIVE, EGRESS, CLASSIFY, PUSH, VERDICT, POP, DEQUEUE, DROPPED = 1, 2, 3, 4, 5, 6, 7, 8
MARK, TX_START, TX_END, RECEIVE, THROTTLED, WATCHDOG, TIMER, EVENT = 9, 10, 11, 12, 13, 14, 15, 16
LINK, PURGE, LOG, SET_RANK, STOLE, FAULT, RING = 17, 18, 19, 20, 21, 22, 23
CELL, BIND, INTS, AFTER = 32, 33, 34, 35

QUEUED, CN, DROP, THROTTLE, BYPASS, PASS, STOLEN, OK = 0, 1, 2, 3, 4, 5, 6, 7

D_VERDICT, D_ENQUEUE, D_QUEUED, D_NO_CLASS, D_NO_CHILD, D_EGRESS = 1, 2, 3, 4, 5, 6
D_ACTION, D_WIRE, D_BYPASS, D_LINK, D_RESET, D_REPLACED = 7, 8, 9, 10, 11, 12

E_RATE, E_FLOW, E_PARAM, E_MAP, E_TC, E_BURST, E_LINK = 1, 2, 3, 4, 5, 6, 7

# Where a packet is. A program holds it between the call that gave it and the one that takes it.
FREE, HELD, IN_MAP, IN_RING, ON_WIRE, PEEKED = 0, 1, 2, 3, 4, 5
