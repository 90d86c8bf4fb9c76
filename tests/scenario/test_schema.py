"""The committed JSON schema is the one the key list makes, and it agrees with the loader."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.scenario.keys import TABLES
from sandbox.scenario.schema import scenario_schema, schema_text

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_committed_schema_is_fresh() -> None:
    committed = (ROOT / "scenarios" / "scenario.schema.json").read_text()
    assert committed == schema_text(), (
        "run: python -m sandbox schema > scenarios/scenario.schema.json"
    )


def test_the_schema_knows_every_key_of_every_table() -> None:
    text = json.dumps(scenario_schema())
    for name, specs in TABLES.items():
        for spec in specs:
            assert f'"{spec.name}"' in text, f"{name}.{spec.name}"


def test_every_key_of_every_table_is_documented() -> None:
    page = (ROOT / "docs" / "scenario-format.md").read_text()
    for name, specs in TABLES.items():
        for spec in specs:
            assert f"`{spec.name}`" in page, f"{name}.{spec.name} is not in docs/scenario-format.md"
