"""Nothing the library does changes unnoticed."""

from __future__ import annotations

import pytest

from sandbox.build.programs import library_names
from tests.qdiscs import golden


@pytest.mark.parametrize("kind", library_names())
def test_the_summary_is_the_reviewed_one(kind: str) -> None:
    assert golden.changes(kind) == "", "run python tests/qdiscs/golden.py --bless and read the diff"


def test_every_golden_file_belongs_to_a_qdisc() -> None:
    assert {path.stem for path in golden.FOLDER.glob("*.json")} == set(library_names())
