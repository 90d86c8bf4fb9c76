"""The project keeps its own house rules: sizes, names, docstrings, links, words."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from requirements import lock_page

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
BANNED_NAMES = {"utils", "util", "helper", "manager", "misc", "common"}
SUFFIXES = {".py", ".ts", ".svelte", ".md", ".toml", ".css", ".html", ".sh", ".yml", ""}

# Ratchets: a name may leave these tables or shrink, never enter them or grow. The modules are listings of one kind.
LONG_MODULES = {"sandbox/language/tree.py": 530, "sandbox/protocol.py": 460}

LONG_FUNCTIONS: dict[str, int] = {}


@cache
def tracked() -> tuple[Path, ...]:
    """Return every file of the project that git knows or would know."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = (ROOT / name for name in listing.stdout.splitlines())
    return tuple(sorted(file for file in files if file.is_file()))


def named(*suffixes: str) -> list[Path]:
    """Return the project's files with one of these suffixes."""
    return [file for file in tracked() if file.suffix in suffixes]


def python_modules() -> list[Path]:
    """Return the Python modules; texts in the qdisc language are data."""
    return [file for file in named(".py") if not file.name.endswith(".qdisc.py")]


def short(file: Path) -> str:
    """Return a path as the reader of a failure wants it."""
    return str(file.relative_to(ROOT))


@cache
def tree(file: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(file.read_text(), filename=str(file))


FUNCTION_NODES = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a module, nested ones too."""
    for node in ast.walk(tree(file)):
        if isinstance(node, FUNCTION_NODES):
            yield node


def test_a_module_has_at_most_400_lines() -> None:
    sources = [*python_modules(), *named(".ts", ".svelte")]
    generated = {"generated.ts"}
    counts = {
        short(file): len(file.read_text().splitlines())
        for file in sources
        if file.name not in generated
    }
    long = {
        name: lines
        for name, lines in counts.items()
        if lines > LONG_MODULES.get(name, MODULE_LINES_MAX)
    }
    assert long == {}


def test_a_function_fits_a_screen() -> None:
    found = {}
    for file in python_modules():
        for function in functions(file):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            name = f"{short(file)}:{function.name}"
            if lines > LONG_FUNCTIONS.get(name, FUNCTION_LINES_MAX):
                found[name] = lines
    assert found == {}


def test_public_things_of_the_product_have_docstrings() -> None:
    missing = []
    for file in python_modules():
        if short(file).split("/")[0] not in ("sandbox", "backend", "requirements"):
            continue
        module = tree(file)
        if module.body and ast.get_docstring(module) is None:
            missing.append(short(file))
        for node in module.body:
            if not isinstance(node, (*FUNCTION_NODES, ast.ClassDef)):
                continue
            if not node.name.startswith("_") and ast.get_docstring(node) is None:
                missing.append(f"{short(file)}:{node.name}")
    assert missing == []


def test_no_module_is_named_for_nothing_in_particular() -> None:
    guilty = [
        short(file)
        for file in [*python_modules(), *named(".ts", ".svelte")]
        if BANNED_NAMES & set(re.split(r"[_\-.]", file.name.lower()))
    ]
    assert guilty == []


# Written in two halves, so that this file may be read by its own tests.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
PROCESS = re.compile(
    r"(?i)\b(issue"
    + r" #?\d+|this (session|sprint|milestone)|(ai|coding) (agent|assistant)"
    + r"|as an (ai|agent)|sub"
    + r"agents?|next session|per the (brief|issue))\b"
)


@pytest.mark.parametrize("words", [UNFINISHED, PROCESS], ids=["unfinished", "process"])
def test_texts_speak_of_the_product_and_nothing_is_left_for_later(words: re.Pattern[str]) -> None:
    guilty = []
    for file in tracked():
        if file.suffix not in SUFFIXES or file == Path(__file__) or "lock" in file.name:
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            if words.search(line):
                guilty.append(f"{short(file)}:{number}: {line.strip()[:80]}")
    assert guilty == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that a Markdown page's headings make."""
    found = set()
    for title in re.findall(r"(?m)^#{1,6} +(.+?)\s*$", page.read_text()):
        plain = re.sub(r"[^\w\- ]", "", title.lower().replace("`", ""))
        found.add(plain.replace(" ", "-"))
    return found | set(re.findall(r'<a (?:id|name)="([^"]+)"', page.read_text()))


def without_code(text: str) -> str:
    """Return Markdown without its code, where brackets mean something else."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?s)```.*?```", "", text))


def test_every_link_in_the_docs_resolves() -> None:
    broken = []
    for page in named(".md"):
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                broken.append(f"{short(page)}: {target}")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                broken.append(f"{short(page)}: {target} (no such heading)")
    assert broken == []


def test_scripts_can_be_executed() -> None:
    for name in ("run", "test", ".ci/run", "requirements/lock"):
        assert (ROOT / name).stat().st_mode & 0o111, name


def test_locks_agree_on_every_version() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text()
        return dict(re.findall(r"(?m)^([a-z0-9\-]+)==(\S+)", text))

    everything = versions("dev.txt")
    for name in ("run.txt", "page.txt"):
        assert versions(name).items() <= everything.items(), name
        hashes = (ROOT / "requirements" / name).read_text().count("--hash=sha256:")
        assert hashes >= len(versions(name))


def test_the_lock_of_the_page_names_every_platform() -> None:
    assert lock_page.missing(json.loads(lock_page.LOCK.read_text())) == {}
