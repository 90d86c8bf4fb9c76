"""Decoding takes any bytes and ends in a value or in ProtocolError, never in anything else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.wire.messages import WORKER_MESSAGE
from backend.workers.worker import Frame, Worker, ending
from backend.workers.zygote import Child
from sandbox import protocol
from sandbox.protocol import (
    FRAME,
    HEADER,
    ROW,
    Job,
    Outcome,
    ProtocolError,
    RowKind,
    decode_frame,
    decode_header,
    decode_json,
    encode_frame,
    encode_json,
    event_from_json,
    job_from_json,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
names = st.text("abcdefgh.-_1 ", min_size=1, max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
jobs = st.builds(
    Job,
    scenario=texts,
    programs=st.dictionaries(names, texts, max_size=3),
    files=st.dictionaries(names, st.binary(max_size=50), max_size=3),
    params=st.dictionaries(names, st.integers(-(2**63), 2**63 - 1) | texts, max_size=3),
    seed=st.none() | st.integers(0, 2**63 - 1),
    duration=st.none() | texts,
    events=st.lists(st.dictionaries(names, st.integers() | texts, max_size=3), max_size=2).map(
        tuple
    ),
    trace=st.booleans(),
)


@given(jobs)
def test_a_job_survives_the_wire(job: Job) -> None:
    assert job_from_json(decode_json(encode_json(job.to_json())[HEADER.size :])) == job


@given(plain)
def test_any_json_is_a_job_or_a_protocol_error(value: Any) -> None:
    try:
        job_from_json(value)
    except ProtocolError as problem:
        assert problem.slug
        assert problem.message


@given(st.dictionaries(st.sampled_from(sorted(protocol.JOB_FIELDS)), plain))
def test_any_fields_are_a_job_or_a_protocol_error(value: dict[str, Any]) -> None:
    with contextlib.suppress(ProtocolError):
        job_from_json({"scenario": "", **value})


@given(plain)
def test_any_json_is_an_event_or_a_protocol_error(value: Any) -> None:
    with contextlib.suppress(ProtocolError):
        event_from_json(value)


@given(st.binary(max_size=300))
def test_any_bytes_are_json_or_a_protocol_error(payload: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode_json(payload)


@given(st.binary(min_size=5, max_size=5))
def test_any_header_is_bounded(header: bytes) -> None:
    try:
        length, _ = decode_header(header)
    except ProtocolError:
        return
    assert length <= protocol.MESSAGE_BYTES_MAX


@given(st.binary(max_size=400), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_any_bytes_are_a_frame_or_a_protocol_error(data: bytes, seq: int, time_ns: int) -> None:
    with contextlib.suppress(ProtocolError):
        decode_frame(data, seq, time_ns)


def row(time_ns: int, kind: int = RowKind.ARRIVE) -> bytes:
    return ROW.pack(time_ns, 1, kind, 0, 0, -1, 0, 0, 0)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50))
def test_a_frame_is_taken_exactly_when_its_time_never_falls(times: list[int]) -> None:
    frame = encode_frame(7, b"".join(row(time_ns) for time_ns in times))[HEADER.size :]
    if times == sorted(times):
        assert decode_frame(frame, 7, times[0]) == (len(times), times[-1])
    else:
        with pytest.raises(ProtocolError, match="time"):
            decode_frame(frame, 7, 0)


@pytest.mark.parametrize(
    "frame",
    (
        FRAME.pack(1, 1, 0, 0, 0),
        FRAME.pack(2, 1, 0, 1, 0) + row(0),
        FRAME.pack(1, 2, 0, 1, 0) + row(0),
        FRAME.pack(1, 1, 1, 1, 0) + row(0),
        FRAME.pack(1, 1, 0, 2, 0) + row(0),
        FRAME.pack(1, 1, 0, 1, 0) + row(0) + b"x",
        FRAME.pack(1, 1, 0, 1, 1) + row(0),
        FRAME.pack(1, 1, 0, 1, 0) + row(0, 0),
        FRAME.pack(1, 1, 0, 1, 0) + row(0, 255),
        FRAME.pack(1, 1, 0, 2**32 - 1, 0) + row(0),
    ),
)
def test_a_frame_that_lies_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_frame(frame, 0, 0)


def test_time_may_not_fall_from_frame_to_frame() -> None:
    frame = encode_frame(0, row(5))[HEADER.size :]
    with pytest.raises(ProtocolError, match="time"):
        decode_frame(frame, 0, 6)


@pytest.mark.parametrize(
    ("change", "slug"),
    (
        ({"programs": {f"p{i}": "" for i in range(33)}}, "too-many"),
        ({"files": {f"f{i}": "" for i in range(9)}}, "too-many"),
        ({"files": {"f": "A" * (12 << 20)}}, "too-large"),
        ({"files": {"f": "A" * (8 << 20), "g": "A" * (8 << 20)}}, "too-large"),
        ({"files": {"f": "*"}}, "bad-base64"),
        ({"params": {f"p{i}": 1 for i in range(257)}}, "too-many"),
        ({"params": {"p": 2**63}}, "bad-type"),
        ({"params": {"p": True}}, "bad-type"),
        ({"events": [{}] * 257}, "too-many"),
        ({"events": [{"at": "x" * 5000}]}, "too-large"),
        ({"programs": {"": ""}}, "bad-name"),
        ({"programs": {"a\nb": ""}}, "bad-name"),
        ({"programs": {"p": "x" * (256 * 1024 + 1)}}, "too-large"),
        ({"scenario": "\ud800"}, "bad-text"),
        ({"trace": 1}, "bad-type"),
        ({"seed": True}, "bad-type"),
        ({"stranger": 1}, "unknown-field"),
    ),
)
def test_each_cap_of_a_job_has_its_slug(change: dict[str, Any], slug: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        job_from_json({"scenario": "", **change})
    assert refused.value.slug == slug


# --- what the service makes of a worker ----------------------------------------------------------


def answers(data: bytes) -> list[Any]:
    """Return what the service takes from a worker that writes `data`; its last item may be an error."""

    async def read() -> list[Any]:
        import socket

        ours, theirs = socket.socketpair()
        theirs.sendall(data)
        theirs.close()
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        ended.set_result(0)
        worker = await Worker.attach(Child(pid=0, pidfd=-1, control=ours, ended=ended))
        found: list[Any] = []
        try:
            seen = 0
            while (message := await worker.receive(seen)) is not None:
                found.append(message)
                seen += message.count if isinstance(message, Frame) else 0
        except ProtocolError as problem:
            found.append(problem)
        finally:
            await worker.close()
        return found

    return asyncio.run(read())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_from_a_worker_are_taken_or_refused(data: bytes) -> None:
    answers(data)


@settings(max_examples=60, deadline=None)
@given(plain)
def test_any_json_from_a_worker_is_taken_or_refused(value: Any) -> None:
    payload = json.dumps(value).encode()
    found = answers(HEADER.pack(len(payload), 0) + payload)
    assert len(found) == 1
    assert isinstance(found[0], ProtocolError)


@pytest.mark.parametrize(
    "message",
    (
        {"op": "started"},
        {"op": "log", "entries": [{"index": -1}]},
        {"op": "progress", "time_ns": -1, "rows": 0, "packets": 0},
        {"op": "progress", "time_ns": 0, "rows": 0, "packets": 0, "stranger": 1},
        {"op": "progress", "time_ns": "0", "rows": 0, "packets": 0},
        {"op": "rewound", "row": 2**70},
        {"op": "diagnostics", "ok": 1, "diagnostics": []},
        {"op": "diagnostics", "ok": True, "diagnostics": [{"slug": "x" * 100, "message": ""}]},
        {"op": "finished", "outcome": "splendid"},
        {"op": "busy", "position": 1, "seconds": 1},
    ),
)
def test_a_message_of_another_shape_is_refused(message: dict[str, Any]) -> None:
    (found,) = answers(encode_json(message))
    assert isinstance(found, ProtocolError)


def test_a_message_that_is_too_long_is_refused_unread() -> None:
    (found,) = answers(HEADER.pack(protocol.MESSAGE_BYTES_MAX + 1, 0))
    assert isinstance(found, ProtocolError)
    (found,) = answers(HEADER.pack(protocol.FRAME_BYTES_MAX + 1, 1))
    assert isinstance(found, ProtocolError)


def test_a_deep_message_is_refused() -> None:
    payload = b'{"op":"finished","statistics":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}"
    (found,) = answers(HEADER.pack(len(payload), 0) + payload)
    assert isinstance(found, ProtocolError)


def test_good_messages_are_taken() -> None:
    good = {"op": "progress", "time_ns": 1, "rows": 2, "packets": 3}
    found = answers(encode_json(good) + encode_frame(0, row(1)) + encode_frame(1, row(1)))
    assert found[0] == WORKER_MESSAGE.validate_python(good)
    assert [frame.count for frame in found[1:]] == [1, 1]


@pytest.mark.parametrize(
    ("status", "outcome"),
    (
        (0, Outcome.CRASHED),
        (signal.SIGKILL, Outcome.CRASHED),
        (signal.SIGSYS, Outcome.CRASHED),
        (signal.SIGSEGV, Outcome.CRASHED),
        (signal.SIGPROF, Outcome.LIMIT_CPU),
        (signal.SIGXCPU, Outcome.LIMIT_CPU),
        (protocol.Exit.MEMORY << 8, Outcome.LIMIT_MEMORY),
        (protocol.Exit.UNLOCKED << 8, Outcome.CRASHED),
    ),
)
def test_every_end_of_a_process_is_an_outcome(status: int, outcome: Outcome) -> None:
    assert os.waitstatus_to_exitcode(status) is not None
    assert ending(status).outcome is outcome
