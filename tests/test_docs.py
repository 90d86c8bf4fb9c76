"""The documentation is complete: every slug, every limit, every decision, every page is in it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

from backend.settings import Settings
from sandbox.language.check import check
from sandbox.scenario import model

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@cache
def trees() -> tuple[ast.Module, ...]:
    """Return the syntax tree of every module of the product."""
    files = [*(ROOT / "sandbox").rglob("*.py"), *(ROOT / "backend").rglob("*.py")]
    return tuple(ast.parse(f.read_text()) for f in sorted(files) if ".qdisc." not in f.name)


def texts(node: ast.expr | None) -> Iterator[str]:
    """Yield the literal texts that an expression may have as its value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from texts(value)


@cache
def slug_positions() -> dict[str, set[int]]:
    """Return, by function or class name, which positional argument is called `slug`."""
    found: dict[str, set[int]] = defaultdict(set)
    for module in trees():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                fields = [
                    statement.target.id
                    for statement in node.body
                    if isinstance(statement, ast.AnnAssign)
                    and isinstance(statement.target, ast.Name)
                ]
                if "slug" in fields:
                    found[node.name].add(fields.index("slug"))
                inits = [
                    f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"
                ]
                for init in inits:
                    names = [argument.arg for argument in init.args.args[1:]]
                    if "slug" in names:
                        found[node.name].add(names.index("slug"))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [a.arg for a in node.args.args if a.arg not in ("self", "cls")]
                if "slug" in names:
                    found[node.name].add(names.index("slug"))
    return found


def adds_something_else(call: ast.Call) -> bool:
    """Tell whether a call of some `add` is not one to a list of problems: a set's, or that of places."""
    callee = call.func
    if not isinstance(callee, ast.Attribute) or callee.attr != "add":
        return False
    receiver = getattr(callee.value, "attr", getattr(callee.value, "id", ""))
    return receiver == "places" or len(call.args) < 3


def is_refusal(node: ast.Tuple) -> bool:
    """Tell whether a tuple is an HTTP status with slug and sentence."""
    first = node.elts[0] if len(node.elts) == 3 else None
    return isinstance(first, ast.Constant) and isinstance(first.value, int) and first.value >= 400


def emitted_slugs() -> set[str]:
    """Return every slug that is written out in the code as the slug of a problem."""
    found: set[str] = set()
    positions = slug_positions()
    for module in trees():
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                callee = node.func
                name = (
                    callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
                )
                for position in () if adds_something_else(node) else positions.get(name, ()):
                    found.update(texts(node.args[position]) if position < len(node.args) else ())
                for keyword in node.keywords:
                    if keyword.arg == "slug":
                        found.update(texts(keyword.value))
            elif isinstance(node, ast.Tuple) and is_refusal(node):
                found.update(texts(node.elts[1]))
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = {target.id for target in targets if isinstance(target, ast.Name)}
                if names & {"SLUGS", "slug"}:
                    found |= literals(node.value)
    return {slug for slug in found if SLUG.fullmatch(slug)}


def literals(node: ast.expr | None) -> set[str]:
    """Return the texts of a table of slugs: its values, or the first of each tuple, or one text."""
    if isinstance(node, ast.Dict):
        found = set()
        for value in node.values:
            if isinstance(value, ast.Tuple):
                found.update(text for item in value.elts[:1] for text in texts(item))
            else:
                found.update(texts(value))
        return found
    return set(texts(node))


def test_every_slug_has_a_paragraph() -> None:
    page = (DOCS / "errors.md").read_text()
    documented = set(re.findall(r"`([a-z0-9\-]+)`", page))
    slugs = emitted_slugs()
    assert len(slugs) > 40
    assert sorted(slugs - documented) == []


def test_every_setting_is_documented_with_its_limit() -> None:
    page = (DOCS / "limits.md").read_text()
    missing = [item.name for item in fields(Settings) if f"`{item.name}`" not in page]
    assert missing == []


def test_every_limit_of_the_scenario_is_documented_with_its_value() -> None:
    page = (DOCS / "limits.md").read_text() + (DOCS / "scenario-format.md").read_text()
    limits = {name: value for name, value in vars(model).items() if name.startswith("MAX_")}
    plain = page.replace(",", "").replace("\u00a0", "").replace(" ", "")
    missing = [
        name for name, value in limits.items() if str(value) not in plain and name not in page
    ]
    assert missing == []


def test_every_decision_is_listed() -> None:
    folder = DOCS / "decisions"
    index = (folder / "README.md").read_text()
    pages = sorted(page.name for page in folder.glob("[0-9]*.md"))
    assert [name for name in pages if f"({name})" not in index] == []
    assert [name[:4] for name in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    assert [page.name for page in DOCS.glob("*.md") if f"({page.name})" not in index] == [
        "README.md"
    ]


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "./run " in readme
    assert "./test " in readme
    assert "docs/images/page.png" in readme


def test_the_readmes_program_is_accepted() -> None:
    programs = re.findall(r"(?s)```python\n(.*?)```", (ROOT / "README.md").read_text())
    assert len(programs) == 1
    checked = check(programs[0])
    assert checked.program is not None, [problem.render() for problem in checked.diagnostics]


def test_the_readmes_commands_name_files_that_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    for path in re.findall(r"\b(?:scenarios|docs|sandbox)/[\w./\-]+\.\w+", readme):
        assert (ROOT / path).exists(), path
