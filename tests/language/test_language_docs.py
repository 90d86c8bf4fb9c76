"""docs/language.md and docs/errors.md cover the whole language, and their programs are accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.language.catalogue import catalogue
from sandbox.language.check import check
from sandbox.language.constructs import ALLOWED, REFUSED
from sandbox.language.fields import CTX_FIELDS, SKB_FIELDS
from sandbox.language.helpers import CONSTANTS, DEVICE_DEFAULTS, HELPERS
from sandbox.language.maps import MAPS
from sandbox.language.params import UNITS
from sandbox.language.reference import BEGIN, reference
from sandbox.language.scope import RESERVED
from sandbox.language.verdicts import ENTRIES, VERDICTS
from tests.language.test_mutation import slugs_in_code

DOCS = Path(__file__).resolve().parents[2] / "docs"
LANGUAGE = (DOCS / "language.md").read_text()
ERRORS = (DOCS / "errors.md").read_text()
BY_HAND = LANGUAGE.split(BEGIN)[0]

# Every allowed node of Python's tree, with the words that document it in the part written by hand.
CONSTRUCTS = {
    "Module": "one text",
    "Expr": "calls",
    "Assign": "Assignment",
    "AugAssign": "+=",
    "AnnAssign": "finish: int = 0",
    "FunctionDef": "def enqueue",
    "ClassDef": "class Flow(Record)",
    "Return": "`return`",
    "If": "`if`",
    "While": "`while`",
    "For": "`for`",
    "Break": "`break`",
    "Continue": "`continue`",
    "Pass": "`pass`",
    "Global": "`global`",
    "arguments": "positional parameters",
    "arg": "parameter",
    "Name": "Names",
    "Constant": "Constants",
    "Attribute": "fields",
    "Subscript": "`flow.times[i]`",
    "Call": "calls",
    "keyword": "max_entries=",
    "BinOp": "+ - * // %",
    "UnaryOp": "~",
    "BoolOp": "`and`, `or` and `not`",
    "Compare": "a < b <= c",
    "IfExp": "a if test else b",
    "List": "fixed list",
    "Load": "read",
    "Store": "written",
    "Add": "+",
    "Sub": "-",
    "Mult": "*",
    "FloorDiv": "//",
    "Mod": "%",
    "LShift": "<<",
    "RShift": ">>",
    "BitAnd": "&",
    "BitOr": "|",
    "BitXor": "^",
    "Invert": "~",
    "Not": "not",
    "USub": "-",
    "UAdd": "`+x`",
    "And": "`and`",
    "Or": "`or`",
    "Eq": "`==`",
    "NotEq": "`!=`",
    "Lt": "<",
    "LtE": "<=",
    "Gt": ">",
    "GtE": ">=",
    "Is": "`is None`",
    "IsNot": "`is not None`",
    "In": "`key in m`",
    "NotIn": "`key not in m`",
}


def test_reference_is_fresh() -> None:
    assert LANGUAGE.split(BEGIN, 1)[1] == reference().split(BEGIN, 1)[1], (
        "run: python -m sandbox.language.reference"
    )


def test_every_allowed_construct_is_documented() -> None:
    assert set(CONSTRUCTS) == set(ALLOWED)
    assert [name for name, words in CONSTRUCTS.items() if words not in BY_HAND] == []


def test_every_refused_construct_is_documented_with_its_cure() -> None:
    for what, cure in REFUSED.values():
        assert what in LANGUAGE, what
        assert cure


@pytest.mark.parametrize(
    "name", [*HELPERS, *MAPS, *ENTRIES, *VERDICTS, *CONSTANTS, *UNITS, *DEVICE_DEFAULTS]
)
def test_name_of_the_language_is_documented(name: str) -> None:
    assert re.search(rf"\b{re.escape(name)}\b", LANGUAGE)


@pytest.mark.parametrize("kind", MAPS)
def test_every_method_is_documented(kind: str) -> None:
    for method in MAPS[kind].methods.values():
        assert f"`{method.call.signature}`" in LANGUAGE


def test_every_field_is_documented() -> None:
    assert [name for name in SKB_FIELDS if f"`skb.{name}" not in LANGUAGE] == []
    assert [name for name in CTX_FIELDS if f"`ctx.{name}`" not in LANGUAGE] == []


def test_every_reserved_word_is_documented() -> None:
    assert [
        name for name in sorted(RESERVED) if name not in LANGUAGE and not name.startswith("print")
    ] == []


def test_every_slug_is_explained() -> None:
    explained = set(re.findall(r"`([a-z0-9-]+)`", ERRORS))
    assert slugs_in_code() - explained == set()


def test_programs_in_the_page_are_accepted() -> None:
    programs = re.findall(r"```python\n(.*?)```", LANGUAGE, re.DOTALL)
    assert programs
    for program in programs:
        assert check(program).program is not None


def test_catalogue_has_a_doc_for_everything() -> None:
    for shelf, entries in catalogue().items():
        for entry in entries:
            assert entry["name"]
            assert shelf == "constants" or entry["doc"].endswith(".")
