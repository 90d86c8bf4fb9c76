"""Golden summaries: what each library qdisc makes of one second of the same traffic, kept as tests/golden/*.json.

`python tests/qdiscs/golden.py` says what changed; with `--bless` it rewrites the files, and the diff is what a reviewer
reads. A summary holds counts, bytes and delays, no digest: it changes when behaviour does.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from sandbox.build.programs import library_names  # noqa: E402
from sandbox.engine import prepare  # noqa: E402
from sandbox.protocol import Job  # noqa: E402
from tests.qdiscs.workload import classes  # noqa: E402

FOLDER = ROOT / "tests" / "golden"
CLASSFUL = {"drr": classes("drr", "quantum 1514", "quantum 3028")}
OPTIONS = {
    "tbf": "tbf rate 5mbit burst 5000 limit 30000",
    "stfq": "stfq weights 1 1 2 3 4",
    "edf": "edf drop_late",
    "ets": "ets bands 3 strict 1 quanta 3028 1514 priomap 1 1 2 2 1 2 0 0",
}
TRAFFIC = """
[flow.bulk]
model = "cbr"
rate = "7mbit"
mark = 1
ecn = "ect0"
[flow.web]
model = "onoff"
rate = "6mbit"
on = "40ms"
off = "40ms"
size = "imix"
mark = 2
deadline = "30ms"
[flow.voice]
model = "cbr"
interval = "20ms"
size = "214b"
priority = 6
mark = 3
deadline = "10ms"
[flow.bursts]
model = "burst"
burst = 25
period = "250ms"
size = "1000b"
priority = 2
mark = 4
"""


def scenario(kind: str) -> str:
    """Return the scenario of a kind: 10 Mbit/s, a queue of 50 packets, four different flows."""
    tc = CLASSFUL.get(kind) or f"qdisc add dev eth0 root handle 1: {OPTIONS.get(kind, kind)}"
    return (
        f'title = "golden {kind}"\nrun = {{ duration = "1s", seed = 1 }}\ntc = """\n{tc}\n"""\n'
        f'[device.eth0]\nrate = "10mbit"\ntxqueuelen = 50\n{TRAFFIC}'
    )


def summary(kind: str) -> str:
    """Return the summary of a kind as JSON text."""
    run = prepare(Job(scenario=scenario(kind), trace=False)).run
    assert run is not None
    while not run.done:
        run.advance(100_000)
    finished = run.finished()
    numbers = finished["statistics"]
    keys = ("sent", "received", "received_bytes", "drops", "marks", "deadline_misses")
    flows = {
        name: {key: flow[key] for key in keys} | {"delay_us": _delays(flow["delay"])}
        for name, flow in numbers["flows"].items()
    }
    qdiscs = {
        name: {key: one[key] for key in ("packets", "bytes", "drops", "overlimits", "marks")}
        for name, one in numbers["qdiscs"].items()
    }
    whole = {"outcome": finished["outcome"], "flows": flows, "qdiscs": qdiscs}
    return json.dumps(whole, indent=1) + "\n"


def _delays(delay: dict[str, Any]) -> dict[str, int]:
    return {name: round(delay[name] / 1000) for name in ("mean", "p50", "p99", "max")}


def changes(kind: str) -> str:
    """Return how a kind's summary differs from the file, "" when it does not."""
    path = FOLDER / f"{kind}.json"
    old = path.read_text().splitlines() if path.exists() else []
    new = summary(kind).splitlines()
    return "\n".join(difflib.unified_diff(old, new, str(path), "now", lineterm="", n=6))


def main(arguments: list[str]) -> int:
    """Show what changed, or write it down."""
    changed = [kind for kind in library_names() if changes(kind)]
    for kind in changed:
        print(changes(kind))
        if "--bless" in arguments:
            (FOLDER / f"{kind}.json").write_text(summary(kind))
    return int(bool(changed) and "--bless" not in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
