"""Programs of a run: their texts found, checked and compiled once each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sandbox.compiler.restricted_python import Code, compile_program
from sandbox.diagnostics import Diagnostic
from sandbox.language.check import Checked, check
from sandbox.language.tree import (
    Drop,
    ForClasses,
    ForMap,
    ForRange,
    HelperCall,
    Program,
    SetCtx,
    SetSkbCb,
    SkbCb,
    UserCall,
    VerdictConst,
    While,
)
from sandbox.language.walk import walk
from sandbox.scenario.model import ProgramRef, SharedProgram

LIBRARY = Path(__file__).resolve().parent.parent / "qdiscs"
SUFFIX = ".qdisc.py"


@cache
def library_texts() -> dict[str, str]:
    """Return the library's texts by name, sorted; read once, since a locked worker opens nothing."""
    paths = sorted(LIBRARY.glob(f"[!_]*{SUFFIX}"))
    return {path.name.removesuffix(SUFFIX): path.read_text(encoding="utf-8") for path in paths}


def library_names() -> tuple[str, ...]:
    """Return the names of the library's programs, sorted."""
    return tuple(library_texts())


def library_text(name: str) -> str | None:
    """Return a library program's text, None when there is none of this name."""
    return library_texts().get(name)


@cache
def library_checked(name: str) -> Checked:
    """Return a library program as the checker finds it; checked once, in the zygote."""
    return check(library_texts()[name], name)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked and compiled program under the name the scenario uses."""

    name: str
    program: Program
    code: Code | None  # for CPython; None when another machine compiles the program
    uses: frozenset[str]  # names of helpers and verdicts in it, "burns" with loops or calls, "cb"
    line_counts: bool = False


@dataclass(slots=True)
class Programs:
    """All programs of a run by name; what is wrong with them collects in `problems`."""

    texts: dict[str, str]
    shared: dict[str, SharedProgram]
    traced: bool
    interpreted: bool = True  # CPython will run them
    line_counts: bool = False
    problems: list[Diagnostic] = field(default_factory=list)
    loaded: dict[str, Loaded | None] = field(default_factory=dict)

    def of(self, ref: ProgramRef) -> Loaded | None:
        """Return the program of a reference; None when it is missing or wrong, which is then noted."""
        if ref.origin == "shared":
            return self._shared(self.shared[ref.name])
        return self.named(ref.name, ref.line)

    def _shared(self, entry: SharedProgram) -> Loaded | None:
        if entry.origin == "inline":
            return self._load(entry.name, self.texts.get(entry.name, entry.text))
        return self.named(entry.source, entry.line)

    def named(self, name: str, line: int = 0) -> Loaded | None:
        """Return the program of a file beside the scenario or of the library."""
        text = self.texts.get(name)
        if text is None:
            text = library_text(name)
        if text is None:
            if name not in self.loaded:
                self.loaded[name] = None
                self.problems.append(_missing(name, line, self.texts))
            return None
        return self._load(name, text)

    def _load(self, name: str, text: str) -> Loaded | None:
        if name not in self.loaded:
            self.loaded[name] = self._compile(name, text)
        return self.loaded[name]

    def _compile(self, name: str, text: str) -> Loaded | None:
        shipped = library_text(name) == text
        checked = library_checked(name) if shipped else check(text, name)
        self.problems.extend(checked.diagnostics)
        if checked.program is None:
            return None
        code = None
        if self.interpreted:
            code = compile_program(checked.program, traced=self.traced, counts=self.line_counts)
        uses = frozenset(_uses(checked.program))
        return Loaded(name, checked.program, code, uses, self.line_counts)

    def sources(self) -> dict[str, str]:
        """Return the text of every program in use."""
        return {name: one.program.source for name, one in self.loaded.items() if one is not None}


def _uses(program: Program) -> Iterator[str]:
    """Yield the helpers and verdicts named anywhere in a program, and what else its code does."""
    for node in walk([node for function in program.functions for node in function.body]):
        match node:
            case HelperCall():
                yield node.helper
            case VerdictConst():
                yield node.name
            case Drop():
                yield "drop"
            case SkbCb() | SetSkbCb():
                yield "cb"
            case While() | ForRange() | ForMap() | ForClasses() | UserCall():
                yield "burns"
            case SetCtx():
                yield "sets ctx"


def _missing(name: str, line: int, texts: dict[str, str]) -> Diagnostic:
    known = sorted({*library_names(), *texts})
    return Diagnostic(
        slug="unknown-program",
        message=f'there is no program "{name}"',
        line=line,
        hint=f"programs here: {', '.join(known)}",
        source="scenario",
    )
