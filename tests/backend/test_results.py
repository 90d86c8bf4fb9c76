"""Files of a running batch are whole, whatever comes in while they are read; the time that is left is honest."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import zlib
from types import SimpleNamespace
from typing import Any, cast

import pytest
from arro3.io import read_parquet

from backend.batches import batch as batch_module
from backend.batches import results
from backend.batches.batch import Batch
from backend.batches.keeper import Batches
from backend.batches.point import Result
from backend.store.base import StoredBatch

KEYS = [f"{number:064x}" for number in range(3)]
PLAN = {
    "op": "planned", "ok": True, "diagnostics": [], "title": "", "engine": "1", "params": [],
    "kind": "grid", "count": 3, "programs": [], "axes": [], "seeds": [1, 2, 3], "metrics": [],
    "points": [
        {"key": key, "program": "", "values": {}, "seed": seed} for seed, key in enumerate(KEYS, 1)
    ],
    "fields": {}, "point_ms": 1.0,
}  # fmt: skip


def batch_of(*keys: str) -> Batch:
    plan = json.dumps(PLAN).encode()
    made = Batch(
        StoredBatch(
            batch_id="a" * 22,
            body=zlib.compress(b"{}"),
            plan=zlib.compress(plan),
            client="",
            token=None,
            state="queued",
            created_s=1,
        ),
        "local",
    )
    made.known(dict.fromkeys(keys, "ok"))
    return made


class Growing:
    """A store whose batch gets a row with a column of its own whenever rows are read."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.asked = 0

    async def results(self, keys: list[str]) -> dict[str, Result]:
        self.asked += 1
        self.batch.take({KEYS[min(self.asked, 2)]: "ok"})
        extra = {"late": 1} if self.asked > 1 else {}
        return {
            key: Result(key=key, row={"key": key, "outcome": "ok", **extra}, waits={})
            for key in keys
        }


def growing() -> tuple[Batches, Batch]:
    batch = batch_of(KEYS[0])
    return cast("Batches", Growing(batch)), batch


async def whole(parts: Any) -> bytes:
    return b"".join([part async for part in parts])


def test_a_row_that_comes_in_between_breaks_no_file() -> None:
    table = asyncio.run(whole(results.as_csv(*growing()))).decode()
    assert list(csv.DictReader(io.StringIO(table))) == [
        {"key": KEYS[0], "outcome": "ok", "program": ""}
    ]
    text = json.loads(asyncio.run(whole(results.as_json(*growing()))))
    assert (text["columns"], len(text["rows"])) == (["key", "outcome", "program"], 1)
    parquet = read_parquet(io.BytesIO(asyncio.run(results.as_parquet(*growing())))).read_all()
    assert parquet.column_names == ["key", "outcome", "program"]
    assert parquet["key"].to_pylist() == [KEYS[0]]


def test_the_time_left_is_that_of_the_present_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr(batch_module, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    batch = batch_of()
    batch.move("running", 1)
    batch.take({KEYS[0]: "ok"})
    now_s[0] = 2.0
    batch.take({KEYS[1]: "ok"})
    assert batch.told("").eta_s == 2.0
    batch.move("cancelled", 3)
    now_s[0] = 1000.0
    batch.move("running", 1000)
    assert batch.told("").eta_s is None


def test_rows_of_another_order_are_of_another_epoch() -> None:
    batch = batch_of(KEYS[2], KEYS[0])
    epoch = batch.epoch
    batch.keep_only({KEYS[0]: "ok", KEYS[2]: "ok"})
    assert batch.epoch == epoch
    batch.keep_only({KEYS[0]: "ok"})
    assert batch.epoch != epoch
    assert batch.unsettled() == [KEYS[1], KEYS[2]]
    batch.known({KEYS[1]: "limit-cpu", KEYS[2]: "runtime-error"})
    assert batch.unsettled() == [KEYS[1]]
