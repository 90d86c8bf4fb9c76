"""docs/compiler.md shows what the compiler really makes."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.compiler.guard import ALLOWED
from sandbox.compiler.restricted_python import lowered_text
from tests.compiler.samples import checked

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compiler.md"


def test_the_example_of_the_page_is_what_lowering_makes() -> None:
    program, lowered = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert lowered_text(checked(program)) == lowered.rstrip("\n")


def test_the_page_counts_the_allowed_nodes() -> None:
    assert f"list of {len(ALLOWED)} node types" in PAGE.read_text()
