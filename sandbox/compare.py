"""Compare: run a job on both engines and say where they first differ, if they do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.protocol import ROW, Job, rows

SLICE_ROWS = 65_536
DIFFERENCES_SHOWN = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Played:
    """All that a run gave."""

    finished: dict[str, Any]
    rows: bytes
    log: list[dict[str, Any]]


def play(job: Job, engine: Engine) -> Played | None:
    """Run a job to its end; None when it is refused."""
    run = prepare(job, engine).run
    if run is None:
        return None
    data = bytearray()
    while not run.done:
        data += run.advance(SLICE_ROWS)
    return Played(run.finished(), bytes(data), run.log_since())


def compare(job: Job) -> list[str]:
    """Return what differs, as lines for people; none when the engines agree."""
    found = differences(play(job, Engine.REFERENCE), play(job, Engine.WASM))
    if found and not job.trace:
        kept = dataclasses.replace(job, trace=True)
        found += first_row(play(kept, Engine.REFERENCE), play(kept, Engine.WASM))
    return found[:DIFFERENCES_SHOWN]


def differences(reference: Played | None, wasm: Played | None) -> list[str]:
    """Return what two runs differ in: outcome, digest, every statistic, maps, log, the first row."""
    if reference is None or wasm is None:
        return [] if reference is wasm else ["one engine refuses the job"]
    found = list(_unlike("", reference.finished, wasm.finished))
    if reference.log != wasm.log:
        found.append("the logs differ")
    return found + first_row(reference, wasm)


def first_row(reference: Played | None, wasm: Played | None) -> list[str]:
    """Return the first row that differs."""
    if reference is None or wasm is None or reference.rows == wasm.rows:
        return []
    a, b = reference.rows, wasm.rows
    at = next(
        (i for i in range(0, len(a), ROW.size) if a[i : i + ROW.size] != b[i : i + ROW.size]),
        len(a),
    )
    return [
        f"row {at // ROW.size}: reference {_row(a, at)}",
        f"row {at // ROW.size}: wasm {_row(b, at)}",
    ]


def _row(data: bytes, at: int) -> str:
    return str(next(iter(rows(data[at : at + ROW.size])))) if at < len(data) else "has none"


def _unlike(path: str, a: Any, b: Any) -> Iterator[str]:
    """Yield the leaves in which two results differ."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _unlike(f"{path}.{key}" if path else str(key), a[key], b[key])
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _unlike(f"{path}[{index}]", one, other)
    elif a != b:
        yield f"{path}: reference {str(a)[:120]}, wasm {str(b)[:120]}"
