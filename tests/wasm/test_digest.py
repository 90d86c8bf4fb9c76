"""Compiled code folds rows into the digest as the definition does, whatever is in them."""

from __future__ import annotations

import atexit
import struct
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.build.programs import library_text
from sandbox.compiler.wasm.library import FOLD_ROWS
from sandbox.compiler.wasm.types import fixed, layout
from sandbox.core.trace import PRIME, ROW_BYTES, Trace
from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import WasmMachine
from sandbox.protocol import Job

WORDS = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 2, 2**64 - 1]) | st.integers(
    0, 2**64 - 1
)
DIGESTS = st.sampled_from([0, PRIME - 1, 2**128 - 1, 2**128 - 2**64]) | st.integers(0, 2**128 - 1)
SCENARIO = """title = "t"
device = { rate = "1mbit" }
run = { duration = "1ms" }
[qdisc]
"1:" = { program = "p.qdisc.py" }
[flow]
f = { model = "cbr", interval = "1s", size = "100b" }
"""


@cache
def machine() -> WasmMachine:
    job = Job(scenario=SCENARIO, programs={"p.qdisc.py": library_text("pfifo")})
    run = prepare(job, Engine.WASM).run
    assert run is not None and isinstance(run.machine, WasmMachine)
    return run.machine


atexit.register(machine.cache_clear)  # before the interpreter takes wasmtime apart


def folded(digest: int, rows: bytes) -> int:
    """Return what compiled code makes of a digest and some rows."""
    one: Any = machine()
    view, trace = one._view, fixed()["Trace", ""]
    fields = layout(Trace).fields
    (held,) = struct.unpack_from("<I", view, trace + fields["digest"][1])
    (ring,) = struct.unpack_from("<I", view, fixed()["Trace", "ring"] + 8)
    struct.pack_into("<QQ", view, held + 8, digest & (2**64 - 1), digest >> 64)
    view[ring : ring + len(rows)] = rows
    struct.pack_into("<q", view, trace + fields["used"][1], len(rows))
    one._call("trace_fold", trace)
    low, high = struct.unpack_from("<QQ", view, held + 8)
    return int((high << 64 | low) % PRIME)


@settings(deadline=None, max_examples=300)
@given(DIGESTS, st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), max_size=FOLD_ROWS))
def test_rows_fold_as_one_long_number(digest: int, rows: list[tuple[int, int, int, int]]) -> None:
    wanted = digest
    for row in rows:
        for word in row:
            wanted = (wanted << 64 | word) % PRIME
    data = b"".join(struct.pack("<4Q", *row) for row in rows)
    assert len(data) == ROW_BYTES * len(rows)
    assert folded(digest, data) == wanted % PRIME
