"""Trap: what ends a run at a line of a program, with a closed set of codes."""

from __future__ import annotations

DIV_ZERO = 1
INDEX = 2
NEGATIVE_RANK = 3
LOAD_RANGE = 4
FUEL_CALL = 5
FUEL_RUN = 6
DELAY = 7
TIMER = 8
LOOP_AT_INSTANT = 9
CLASS_RECURSION = 10
TOO_MANY_PACKETS = 11
OWNERSHIP = 12
PARAM_RANGE = 13
DEVICE = 14
LOG_LIMIT = 15
MAP_FULL = 16
TOO_MANY_ROWS = 17

SLUGS = {
    DIV_ZERO: "division-by-zero",
    INDEX: "index-out-of-range",
    NEGATIVE_RANK: "negative-rank",
    LOAD_RANGE: "load-out-of-range",
    FUEL_CALL: "fuel-call",
    FUEL_RUN: "fuel-run",
    DELAY: "throttle-delay",
    TIMER: "timer-delay",
    LOOP_AT_INSTANT: "busy-instant",
    CLASS_RECURSION: "class-recursion",
    TOO_MANY_PACKETS: "too-many-packets",
    OWNERSHIP: "ownership",
    PARAM_RANGE: "parameter-range",
    DEVICE: "unknown-device",
    LOG_LIMIT: "log-limit",
    MAP_FULL: "map-full",
    TOO_MANY_ROWS: "too-many-rows",
}


class Trap(Exception):
    """A fault in a user's line; `value` is the offending number where there is one."""

    def __init__(self, code: int, line: int, value: int = 0) -> None:
        super().__init__(code, line, value)
        self.code = code
        self.line = line
        self.value = value
