"""The conversation with a worker: jobs, framing and rows, as docs/protocol.md states them.

Standard library only. The worker writes with these definitions, the service validates with them,
the shell reads rows with them. Nothing here trusts its input: decoding raises ProtocolError and
never anything else.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

KIB = 1024
MIB = 1024 * KIB

# What a job may hold. The checker's own caps (64 KiB of source) are lower than TEXT_BYTES_MAX, so
# that an oversized program gets the checker's message with its cure, and only absurd ones are
# refused unread.
SOURCE_BYTES_MAX = 64 * KIB
TEXT_BYTES_MAX = 256 * KIB
PROGRAMS_MAX = 32
# At which shares, in thousandths, the waits of a point of a sweep are told: dense enough to draw.
WAIT_LEVELS = (*range(0, 1000, 50), 990, 999, 1000)
FILES_MAX = 8
FILES_BYTES_MAX = 8 * MIB
PARAMS_MAX = 256
EVENTS_MAX = 256
EVENT_BYTES_MAX = 4 * KIB
NAME_CHARS_MAX = 120
SEED_MAX = 2**63 - 1

# What a run may produce.
ROWS_MAX = 2_000_000
PACKETS_MAX = 2_000_000
ENTRIES_MAX = 1_000  # shown of one map; the count of all is beside them

# Framing between service and worker.
HEADER = struct.Struct("<IB")
MESSAGE_BYTES_MAX = 8 * MIB
JOB_BYTES_MAX = 16 * MIB
FRAME_BYTES_MAX = 64 * KIB

# Frames of rows.
PROTOCOL_VERSION = 1
FRAME = struct.Struct("<BBHIQ")
ROW = struct.Struct("<QIBBHqHHI")
ROWS_PER_FRAME_MAX = (FRAME_BYTES_MAX - FRAME.size) // ROW.size


class ProtocolError(Exception):
    """What a peer sent breaks the protocol; `slug` and the message may be shown to a user."""

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message


class RowKind(IntEnum):
    """What a row tells; kinds from 32 up describe state and are not part of the digest."""

    ARRIVE = 1
    EGRESS = 2
    CLASSIFY = 3
    PUSH = 4
    VERDICT = 5
    POP = 6
    DEQUEUE = 7
    DROP = 8
    MARK = 9
    TX_START = 10
    TX_END = 11
    RECEIVE = 12
    THROTTLE = 13
    WATCHDOG = 14
    TIMER = 15
    EVENT = 16
    LINK = 17
    PURGE = 18
    LOG = 19
    SET_RANK = 20
    STOLEN = 21
    FAULT = 22
    RING = 23
    CELL = 32
    BIND = 33
    INTS = 34
    AFTER = 35


class Verdict(IntEnum):
    """The numbers of verdicts in rows; for a dequeue, QUEUED means that it gave this packet."""

    QUEUED = 0
    CN = 1
    DROP = 2
    THROTTLE = 3
    BYPASS = 4
    PASS = 5
    STOLEN = 6
    OK = 7


class DropCode(IntEnum):
    """Why a packet was dropped."""

    VERDICT = 1
    CALL_BEFORE_ENQUEUE = 2
    CALL_AFTER_ENQUEUE = 3
    NO_CLASS = 4
    NO_CHILD = 5
    EGRESS = 6
    FILTER = 7
    WIRE = 8
    BYPASS = 9
    LINK_DOWN = 10
    RESET = 11
    REPLACED = 12


class EventKind(IntEnum):
    """What a scenario's or live event did."""

    RATE = 1
    FLOW = 2
    PARAM = 3
    MAP_UPDATE = 4
    TC = 5
    BURST = 6


class Outcome(StrEnum):
    """How a run ended; there are no others."""

    OK = "ok"
    COMPILE_ERROR = "compile-error"
    RUNTIME_ERROR = "runtime-error"
    LIMIT_CPU = "limit-cpu"
    LIMIT_FUEL = "limit-fuel"
    LIMIT_MEMORY = "limit-memory"
    LIMIT_OUTPUT = "limit-output"
    LIMIT_WALL = "limit-wall"
    CRASHED = "crashed"
    CANCELLED = "cancelled"


class Exit(IntEnum):
    """The exit codes of a worker that could not say how it ended."""

    DONE = 0
    UNLOCKED = 3
    BROKEN = 4
    MEMORY = 5


class MessageType(IntEnum):
    """The type byte of a message between service and worker."""

    JSON = 0
    FRAME = 1


class Row(NamedTuple):
    """One unpacked row."""

    time_ns: int
    skb: int
    kind: int
    code: int
    place: int
    value: int
    line: int
    slot: int
    aux: int


def rows(data: bytes | memoryview) -> Iterator[Row]:
    """Yield the rows in `data`, whose length is a multiple of 32."""
    return (Row._make(fields) for fields in ROW.iter_unpack(data))


# --- jobs -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All inputs of a run; with the engine's version they decide every row of it.

    `programs` maps the names a scenario uses to texts, `files` the names of replays to their bytes.
    `params` maps parameter paths to values that replace the scenario's; `events` are live events,
    appended to the scenario's own. `seed` and `duration` replace the scenario's when given. Without
    `trace` no rows are kept; with `line_counts` the result says how often each line of a program ran.
    """

    scenario: str
    programs: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    params: dict[str, int | str] = field(default_factory=dict)
    seed: int | None = None
    duration: str | None = None
    events: tuple[dict[str, Any], ...] = ()
    trace: bool = True
    line_counts: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the plain JSON form; file contents are base64."""
        return {
            "scenario": self.scenario,
            "programs": dict(self.programs),
            "files": {
                name: base64.b64encode(content).decode() for name, content in self.files.items()
            },
            "params": dict(self.params),
            "seed": self.seed,
            "duration": self.duration,
            "events": [dict(event) for event in self.events],
            "trace": self.trace,
            "line_counts": self.line_counts,
        }


JOB_FIELDS = frozenset(Job.__dataclass_fields__)


def job_from_json(value: object) -> Job:
    """Return the job that `value`, decoded JSON, describes; missing fields take their defaults."""
    fields = _object(value, "job")
    strangers = sorted(set(fields) - JOB_FIELDS)
    if strangers:
        raise ProtocolError("unknown-field", f"job has an unknown field {_quote(strangers[0])}")
    if "scenario" not in fields:
        raise ProtocolError("missing-field", 'job has no field "scenario"')
    return Job(
        scenario=_text(fields["scenario"], "scenario", TEXT_BYTES_MAX),
        programs=_programs(fields.get("programs", {})),
        files=_files(fields.get("files", {})),
        params=_params(fields.get("params", {})),
        seed=_seed(fields.get("seed")),
        duration=_optional_text(fields.get("duration"), "duration"),
        events=_events(fields.get("events", [])),
        trace=_flag(fields, "trace", True),
        line_counts=_flag(fields, "line_counts", False),
    )


def _flag(fields: dict[str, Any], name: str, default: bool) -> bool:
    value = fields.get(name, default)
    if type(value) is not bool:
        raise ProtocolError("bad-type", f"{name} must be true or false, got {_type(value)}")
    return value


def _programs(value: object) -> dict[str, str]:
    programs = _named(value, "programs", PROGRAMS_MAX)
    return {
        name: _text(text, f"program {_quote(name)}", TEXT_BYTES_MAX)
        for name, text in programs.items()
    }


def _files(value: object) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for name, text in _named(value, "files", FILES_MAX).items():
        encoded = _text(text, f"file {_quote(name)}", FILES_BYTES_MAX * 4 // 3 + 4)
        try:
            files[name] = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise ProtocolError("bad-base64", f"file {_quote(name)} is not base64") from None
        total += len(files[name])
    if total > FILES_BYTES_MAX:
        raise ProtocolError(
            "too-large", f"files hold {total} bytes together, at most {FILES_BYTES_MAX} are allowed"
        )
    return files


def _params(value: object) -> dict[str, int | str]:
    params: dict[str, int | str] = {}
    for path, given in _named(value, "params", PARAMS_MAX).items():
        if type(given) is int and -(2**63) <= given < 2**63:
            params[path] = given
        elif type(given) is str:
            params[path] = _text(given, f"parameter {_quote(path)}", EVENT_BYTES_MAX)
        else:
            raise ProtocolError(
                "bad-type",
                f"parameter {_quote(path)} must be a 64-bit integer or text, got {_type(given)}",
            )
    return params


def _seed(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= SEED_MAX:
        raise ProtocolError("bad-type", "seed must be an integer from 0 to 2^63-1 or null")
    return value


def _events(value: object) -> tuple[dict[str, Any], ...]:
    if type(value) is not list:
        raise ProtocolError("bad-type", f"events must be a list, got {_type(value)}")
    if len(value) > EVENTS_MAX:
        raise ProtocolError(
            "too-many", f"job has {len(value)} events, at most {EVENTS_MAX} are allowed"
        )
    return tuple(event_from_json(item) for item in value)


def event_from_json(value: object) -> dict[str, Any]:
    """Return `value` when it is one flat event: texts, numbers, flags and lists of them by name."""
    event = _object(value, "event")
    for name, item in event.items():
        _name(name, "event field")
        for part in item if type(item) is list else [item]:
            if type(part) not in (str, int, float, bool):
                raise ProtocolError(
                    "bad-type",
                    f"event field {_quote(name)} must be text or a number, got {_type(part)}",
                )
    if len(json.dumps(event)) > EVENT_BYTES_MAX:
        raise ProtocolError("too-large", f"an event has at most {EVENT_BYTES_MAX} bytes")
    return event


# --- framing --------------------------------------------------------------------------------------


def encode_json(message: dict[str, Any]) -> bytes:
    """Return `message` behind its 5-byte header."""
    payload = json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode()
    return HEADER.pack(len(payload), MessageType.JSON) + payload


def encode_frame(seq: int, data: bytes | memoryview) -> bytes:
    """Return a frame of the rows `data`, the first of them number `seq`, behind its header."""
    count = len(data) // ROW.size
    header = HEADER.pack(FRAME.size + len(data), MessageType.FRAME)
    return header + FRAME.pack(PROTOCOL_VERSION, 1, 0, count, seq) + data


def decode_header(
    header: bytes, json_bytes_max: int = MESSAGE_BYTES_MAX
) -> tuple[int, MessageType]:
    """Return length and type of the message that follows; refuses unknown types and lengths."""
    length, number = HEADER.unpack(header)
    try:
        kind = MessageType(number)
    except ValueError:
        raise ProtocolError("bad-message", f"unknown message type {number}") from None
    limit = json_bytes_max if kind is MessageType.JSON else FRAME_BYTES_MAX
    if length > limit:
        raise ProtocolError("too-large", f"message of {length} bytes, at most {limit} are allowed")
    return length, kind


def decode_json(payload: bytes) -> dict[str, Any]:
    """Return the JSON object in `payload`; NaN, other shapes and excess depth are refused."""
    try:
        value = json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ProtocolError("bad-json", "the message is not JSON") from None
    return _object(value, "message")


KNOWN_KINDS = frozenset(int(kind) for kind in RowKind)


def decode_frame(frame: bytes, seq: int, time_ns: int) -> tuple[int, int]:
    """Check a frame whose first row must be number `seq` and not earlier than `time_ns`.

    Returns how many rows it holds and the time of the last; the work per row is done in C.
    """
    if len(frame) < FRAME.size:
        raise ProtocolError("bad-frame", "a frame is shorter than its header")
    version, kind, flags, count, first = FRAME.unpack_from(frame)
    if (version, kind, flags) != (PROTOCOL_VERSION, 1, 0):
        raise ProtocolError("bad-frame", "a frame has an unknown version, kind or flag")
    if count == 0 or len(frame) != FRAME.size + count * ROW.size:
        raise ProtocolError("bad-frame", "a frame's row count is not what it holds")
    if first != seq:
        raise ProtocolError("bad-frame", f"a frame starts at row {first}, expected row {seq}")
    body = memoryview(frame)[FRAME.size :]
    if not KNOWN_KINDS.issuperset(frame[FRAME.size + 12 :: ROW.size]):
        raise ProtocolError("bad-frame", "a row has an unknown kind")
    times = struct.unpack("<" + "Q24x" * count, body)
    if times[0] < time_ns or list(times) != sorted(times):
        raise ProtocolError("bad-frame", "the time of a row falls")
    return count, times[-1]


# --- small checks ---------------------------------------------------------------------------------


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a flag", type(None): "null"}
    return names.get(type(value), "a number")


def _quote(text: str) -> str:
    return json.dumps(text if len(text) <= 60 else text[:57] + "...")


def _object(value: object, what: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise ProtocolError("bad-type", f"{what} must be an object, got {_type(value)}")
    return value


def _name(name: str, what: str) -> None:
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise ProtocolError(
            "bad-name", f"{what} name must be 1 to {NAME_CHARS_MAX} printable characters"
        )


def _named(value: object, what: str, count_max: int) -> dict[str, Any]:
    named = _object(value, what)
    if len(named) > count_max:
        raise ProtocolError(
            "too-many", f"job has {len(named)} {what}, at most {count_max} are allowed"
        )
    for name in named:
        _name(name, what)
    return named


def _text(value: object, what: str, bytes_max: int) -> str:
    if type(value) is not str:
        raise ProtocolError("bad-type", f"{what} must be text, got {_type(value)}")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:
        raise ProtocolError("bad-text", f"{what} is not valid Unicode text") from None
    if size > bytes_max:
        raise ProtocolError(
            "too-large", f"{what} has {size} bytes, at most {bytes_max} are allowed"
        )
    return value


def _optional_text(value: object, what: str) -> str | None:
    return None if value is None else _text(value, what, NAME_CHARS_MAX)
