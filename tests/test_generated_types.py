"""The TypeScript side of the protocol is generated; a stale copy would lie."""

from __future__ import annotations

import runpy
from pathlib import Path

FRONTEND = Path(__file__).resolve().parents[1] / "frontend"


def test_typescript_types_are_fresh() -> None:
    generator = runpy.run_path(str(FRONTEND / "tools/generate_types.py"))
    written = (FRONTEND / "src/protocol/generated.ts").read_text(encoding="utf-8")
    assert written == generator["render"](), "run python frontend/tools/generate_types.py"
