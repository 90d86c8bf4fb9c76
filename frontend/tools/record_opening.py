"""Record the run that the page plays before anything else: public/opening.json and opening.bin.

usage: python frontend/tools/record_opening.py [--check] [SCENARIO]

opening.json holds the texts and what a live run says around its rows; opening.bin holds the rows
as differences, byte planes after one another (all first bytes, all second bytes, ...), deflated.
With --check nothing is written; exit 1 when the recording on disk is not what the engine computes
today.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = ROOT / "frontend/public"
DEFAULT = ROOT / "scenarios/latency/bufferbloat.toml"
ROW_BYTES = 32
STEP_ROWS = 65_536
BYTES_MAX = 150_000

sys.path.insert(0, str(ROOT))

from sandbox.engine import prepare  # noqa: E402
from sandbox.protocol import ROW, Job  # noqa: E402

PLAIN = struct.Struct("<QIBBHQHHI")


def record(scenario: Path) -> tuple[dict[str, Any], bytes]:
    """Run a scenario to its end; return what opening.json holds, and the rows."""
    text = scenario.read_text(encoding="utf-8")
    beside = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(scenario.parent.glob("*.qdisc.py"))
        if path.name in text
    }
    prepared = prepare(Job(scenario=text, programs=beside))
    if prepared.run is None:
        raise SystemExit("\n".join(one.render() for one in prepared.diagnostics))
    run = prepared.run
    started = {"run": "opening", **run.started()}
    rows = bytearray()
    log: list[dict[str, Any]] = []
    while not run.done:
        rows += run.advance(STEP_ROWS)
        log += run.log_since()
    return {
        "scenario": text,
        "programs": beside,
        "started": started,
        "finished": run.finished(),
        "log": log,
    }, bytes(rows)


def planes(rows: bytes) -> bytes:
    """Return the rows as byte planes of differences.

    Time is the difference to the row before; skb, value, line, slot and aux are differences to the
    latest row of the same kind and place, which nearly always is small.
    """
    latest: dict[tuple[int, int], tuple[int, int, int, int, int]] = {}
    before_ns = 0
    out = bytearray(len(rows))
    for number, (time_ns, skb, kind, code, place, *fields) in enumerate(ROW.iter_unpack(rows)):
        value, line, slot, aux = fields
        old = latest.get((kind, place), (0, 0, 0, 0, 0))
        latest[kind, place] = (skb, value, line, slot, aux)
        PLAIN.pack_into(
            out,
            number * ROW_BYTES,
            time_ns - before_ns,
            (skb - old[0]) & 0xFFFFFFFF,
            kind,
            code,
            place,
            (value - old[1]) & 0xFFFFFFFFFFFFFFFF,
            (line - old[2]) & 0xFFFF,
            (slot - old[3]) & 0xFFFF,
            (aux - old[4]) & 0xFFFFFFFF,
        )
        before_ns = time_ns
    return b"".join(out[plane::ROW_BYTES] for plane in range(ROW_BYTES))


def deflate(data: bytes) -> bytes:
    """Return raw deflated bytes, as the browser's DecompressionStream takes them."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def recorded() -> tuple[str, bytes]:
    """Return what is on disk: the text of opening.json and the planes of opening.bin."""
    text = (PUBLIC / "opening.json").read_text(encoding="utf-8")
    return text, zlib.decompress((PUBLIC / "opening.bin").read_bytes(), -15)


def main(arguments: list[str]) -> int:
    """Record, or with --check compare."""
    names = [argument for argument in arguments if argument != "--check"]
    opening, rows = record(Path(names[0]) if names else DEFAULT)
    text = json.dumps(opening, separators=(",", ":"), sort_keys=True)
    packed = deflate(planes(rows))
    total = len(packed) + len(zlib.compress(text.encode(), 9))
    print(f"{len(rows) // ROW_BYTES} rows, {total} bytes compressed")
    if total > BYTES_MAX:
        print(f"too large: at most {BYTES_MAX} bytes", file=sys.stderr)
        return 1
    if "--check" in arguments:
        return 0 if recorded() == (text, planes(rows)) else 1
    (PUBLIC / "opening.json").write_text(text, encoding="utf-8")
    (PUBLIC / "opening.bin").write_bytes(packed)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
