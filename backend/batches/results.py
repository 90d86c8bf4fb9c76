"""Results: the rows of a batch in the order of its design, as JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from arro3.core import Array, DataType, Field, RecordBatch, Schema, Table
from arro3.io import write_parquet
from starlette.concurrency import run_in_threadpool

from backend.batches.batch import Batch
from backend.batches.keeper import Batches
from backend.batches.point import Result, Row
from backend.wire.messages import PlannedPoint

ROWS_AT_ONCE = 200
TYPES = {int: DataType.int64(), float: DataType.float64(), str: DataType.string()}
INT64 = range(-(2**63), 2**63)


def there(batch: Batch) -> list[PlannedPoint]:
    """Return the points that have a row now, in the order of the design."""
    return [point for point in batch.plan.points if point.key in batch.keys]


async def chunks(batches: Batches, there: list[PlannedPoint]) -> AsyncIterator[list[Result]]:
    """Yield the results of points, some at a time."""
    for start in range(0, len(there), ROWS_AT_ONCE):
        some = there[start : start + ROWS_AT_ONCE]
        found = await batches.results([point.key for point in some])
        yield [found[point.key].named(point.program) for point in some if point.key in found]


async def columns(batches: Batches, there: list[PlannedPoint]) -> dict[str, type]:
    """Return every column that some row has, inputs first, with the type that holds all its values."""
    found: dict[str, type] = {}
    async for results in chunks(batches, there):
        for result in results:
            for name, value in result.row.items():
                found[name] = _wider(found.get(name), value)
    return found


def _wider(known: type | None, value: Any) -> type:
    wanted = type(value)
    if wanted is int and value not in INT64:
        wanted = str
    if known in (None, wanted):
        return wanted
    return float if {known, wanted} == {int, float} else str


async def as_json(batches: Batches, batch: Batch) -> AsyncIterator[bytes]:
    """Yield `{"columns": [...], "rows": [...]}` piece by piece; a row has only what it has."""
    points = there(batch)  # more may come between the two passes
    names = list(await columns(batches, points))
    yield f'{{"columns":{json.dumps(names)},"rows":['.encode()
    separator = ""
    async for results in chunks(batches, points):
        rows = (json.dumps(result.row, separators=(",", ":")) for result in results)
        yield (separator + ",".join(rows)).encode()
        separator = ","
    yield b"]}"


async def as_csv(batches: Batches, batch: Batch) -> AsyncIterator[bytes]:
    """Yield a line of names and a line a row; a cell is empty where a row has no such number."""
    points = there(batch)
    names = list(await columns(batches, points))
    yield _lines(names, iter(()), head=True)
    async for results in chunks(batches, points):
        yield _lines(names, (result.row for result in results))


def _lines(names: list[str], rows: Iterator[Row], *, head: bool = False) -> bytes:
    text = io.StringIO()
    # A row that was tried again meanwhile may have more.
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    if head:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


async def as_parquet(batches: Batches, batch: Batch) -> bytes:
    """Return a Parquet file: ints and floats of 64 bits, and texts."""
    points = there(batch)
    found = await columns(batches, points)
    schema = Schema([Field(name, TYPES[kind]) for name, kind in found.items()])
    parts = []
    async for results in chunks(batches, points):
        arrays = [
            Array([_as(kind, result.row.get(name)) for result in results], TYPES[kind])
            for name, kind in found.items()
        ]
        parts.append(RecordBatch.from_arrays(arrays, schema=schema))
    table = Table.from_batches(parts, schema=schema)
    sink = io.BytesIO()
    await run_in_threadpool(write_parquet, table, sink)
    return sink.getvalue()


def _as(kind: type, value: Any) -> Any:
    return None if value is None else kind(value)
