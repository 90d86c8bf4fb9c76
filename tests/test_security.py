"""docs/security.md claims nothing that no test proves."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
TABLE = PAGE.split("## Threats")[1].split("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("| ") and not line.startswith("| threat")
]


def exists(proof: str) -> bool:
    """Whether a test of that name is in that file."""
    path, _, name = proof.partition("::")
    file = ROOT / path
    if not file.is_file() or not name:
        return False
    if file.suffix == ".ts":
        return f'it("{name}"' in file.read_text()
    tests = ast.parse(file.read_text()).body
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in tests)


def test_the_table_is_there() -> None:
    assert len(ROWS) >= 25
    assert {len(row) for row in ROWS} == {4}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_threat_names_tests_that_exist(row: list[str]) -> None:
    proofs = re.findall(r"`([^`]+::[^`]+)`", row[3])
    assert proofs, "no proof"
    assert [proof for proof in proofs if not exists(proof)] == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert not exists("tests/test_security.py::test_that_is_not_there")
    assert not exists("tests/no_such_file.py::test_the_table_is_there")
    assert exists("tests/test_security.py::test_the_table_is_there")
