"""Read a CSV of packets: a header line, then one packet a line, times not falling."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from sandbox import units
from sandbox.scenario.keys import DSCP_NAMES, ECN_BITS
from sandbox.scenario.model import MAX_LEN_BYTES, MIN_LEN_BYTES
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import parse_classid, parse_ip
from sandbox.scenario.recording import Recording, ReplayError, Stream
from sandbox.units import UnitError, shown

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
MAX_TIME_NS = 86_400_000_000_000
_TIME_COLUMNS = {"time": 10**9, "time_s": 10**9, "time_ms": 10**6, "time_us": 10**3, "time_ns": 1}
_HEADERS = ("flow", "src", "dst", "sport", "dport", "l4", "vlan")
_PER_PACKET = ("priority", "mark", "dscp", "ecn")
COLUMNS = (*_TIME_COLUMNS, "len", *_HEADERS, *_PER_PACKET)


def read_csv(data: bytes) -> Recording:
    """Return the packets of a CSV file. Raise ReplayError with the line when it cannot be read."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ReplayError(
            f"byte {error.start} is not UTF-8 text", "expected a CSV, pcap or pcapng file"
        ) from None
    rows = _rows(text)
    _, header = next(rows, (1, []))
    table = _Table([name.strip().lower() for name in header])
    recording = Recording()
    last = 0
    for line, row in rows:
        try:
            last = table.add(recording, row, last)
        except UnitError as error:
            raise ReplayError(f"line {line}: {error.message}", error.hint) from None
    return recording


class _Table:
    """Where each column stands; one pass over two million lines must not look names up."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.time_at, self.scale = _check_header(names)
        self.len_at = names.index("len")
        self.header_at = [names.index(name) for name in _HEADERS if name in names]
        self.packet_at = [
            (names.index(name), column, _PACKET[name])
            for column, name in enumerate(_PER_PACKET)
            if name in names
        ]

    def add(self, recording: Recording, row: list[str], last: int) -> int:
        """Append the packet of one row and return its time, which is not before `last`."""
        if len(row) != len(self.names):
            raise UnitError(f"it has {len(row)} values, the header has {len(self.names)}")
        now = _time_ns(row[self.time_at], self.scale)
        if now < last:
            raise UnitError("time goes back", "sort the file by time")
        stream = recording.stream(
            tuple([row[at] for at in self.header_at]), lambda number: self._stream(row, number)
        )
        recording.add(stream, now, _length(row[self.len_at]))
        if self.packet_at:
            arrivals = stream.arrivals
            columns = (arrivals.priorities, arrivals.marks, arrivals.dscps, arrivals.ecns)
            for at, column, parse in self.packet_at:
                columns[column].append(parse(row[at].strip()))
        return now

    def _stream(self, row: list[str], number: int) -> Stream:
        cells = {self.names[at]: row[at] for at in self.header_at}
        name = cells.get("flow", "").strip() or str(number)
        if not _NAME.fullmatch(name):
            raise UnitError(f"{shown(name)} is not a flow name", "use 1 to 40 letters and digits")
        return Stream(name, _fields(cells))


def _length(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) < 10
    length = int(text) if digits else units.parse_size_bytes(text.strip())
    if not MIN_LEN_BYTES <= length <= MAX_LEN_BYTES:
        raise UnitError(f"len {length} is not in {MIN_LEN_BYTES} to {MAX_LEN_BYTES}")
    return length


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if row and not row[0].startswith("#"):
                yield reader.line_num, row
    except csv.Error as error:
        raise ReplayError(f"line {reader.line_num}: {str(error).lower()}") from None


def _check_header(names: list[str]) -> tuple[int, int]:
    for index, name in enumerate(names):
        if name not in COLUMNS:
            hint = did_you_mean(name, COLUMNS)
            raise ReplayError(f"line 1: unknown column {shown(name)}", hint)
        if name in names[:index]:
            raise ReplayError(f"line 1: column {shown(name)} is given twice")
    times = [name for name in names if name in _TIME_COLUMNS]
    if len(times) != 1 or "len" not in names:
        raise ReplayError(
            "line 1: the header needs a time and a len", "begin the file with: time_us,len,flow"
        )
    return names.index(times[0]), _TIME_COLUMNS[times[0]]


def _time_ns(text: str, scale: int) -> int:
    text = text.strip()
    whole, _, part = text.partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) < 20:
        if not part:
            value = int(whole) * scale
        elif part.isascii() and part.isdigit() and len(part) < 20:
            value = round(Fraction(text) * scale)
        else:
            value = units.parse_time_ns(text)
    else:
        value = units.parse_time_ns(text)
    if value > MAX_TIME_NS:
        raise UnitError(f"time {shown(text)} is above one day")
    return value


def _fields(cells: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    versions = set()
    for side in ("src", "dst"):
        if cells.get(side, "").strip():
            address = parse_ip(cells[side].strip())
            fields[f"{side}_ip"] = int(address.ip)
            versions.add(address.version)
    if len(versions) > 1:
        raise UnitError("src and dst are of different IP versions")
    if versions:
        fields["ip_version"] = versions.pop()
    for name in ("sport", "dport", "vlan"):
        if cells.get(name, "").strip():
            fields[name] = _bounded(cells[name], 4094 if name == "vlan" else 65_535)
    if cells.get("l4", "").strip():
        fields["l4"] = cells["l4"].strip().lower()
        if fields["l4"] not in ("udp", "tcp"):
            raise UnitError(f"l4 {shown(cells['l4'])} is neither udp nor tcp")
    return fields


def _bounded(text: str, high: int) -> int:
    value = units.parse_int(text)
    if not 0 <= value <= high:
        raise UnitError(f"{shown(text)} is not in 0 to {high}")
    return value


def _priority(text: str) -> int:
    return parse_classid(text) if ":" in text else _bounded(text, 2**32 - 1)


def _dscp(text: str) -> int:
    return DSCP_NAMES[text.lower()] if text.lower() in DSCP_NAMES else _bounded(text, 63)


def _ecn(text: str) -> int:
    return ECN_BITS[text.lower()] if text.lower() in ECN_BITS else _bounded(text, 3)


_PACKET: dict[str, Callable[[str], int]] = {
    "priority": _priority,
    "mark": lambda text: _bounded(text, 2**32 - 1),
    "dscp": _dscp,
    "ecn": _ecn,
}
