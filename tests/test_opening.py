"""What the page plays before the service answers is what the service would have computed."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

FRONTEND = Path(__file__).resolve().parents[1] / "frontend"


def test_recorded_opening_equals_a_live_run() -> None:
    recorder = runpy.run_path(str(FRONTEND / "tools/record_opening.py"))
    opening, rows = recorder["record"](recorder["DEFAULT"])
    text, planes = recorder["recorded"]()
    recorded = json.loads(text)
    cure = "run python frontend/tools/record_opening.py"
    assert recorded["finished"]["digest"] == opening["finished"]["digest"], cure
    assert recorded["scenario"] == opening["scenario"], cure
    assert planes == recorder["planes"](rows), cure
