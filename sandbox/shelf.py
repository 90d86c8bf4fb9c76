"""What ships with the sandbox, described as JSON: the library's programs, scenarios and helpers.

`load` reads the texts once, in the zygote; a worker, which can open nothing, finds them in memory.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.build.programs import library_texts
from sandbox.diagnostics import Diagnostic
from sandbox.language import tree
from sandbox.language.catalogue import catalogue
from sandbox.language.check import check
from sandbox.scenario.load import load as load_scenario

PROGRAM_SUFFIX = ".qdisc.py"
DATA_SUFFIXES = (".csv", ".pcap", ".pcapng")
SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"


@dataclass(slots=True, kw_only=True)
class Shelf:
    """Every shipped text: library programs and scenarios by name, files beside a scenario."""

    programs: dict[str, str] = field(default_factory=dict)
    scenarios: dict[str, str] = field(default_factory=dict)
    beside: dict[str, dict[str, bytes]] = field(default_factory=dict)


SHELF = Shelf()


def load(scenarios: Path = SCENARIOS) -> None:
    """Read every shipped text into memory; call it before the process is locked."""
    SHELF.programs.update(library_texts())
    for path in sorted(scenarios.glob("**/[!_]*.toml")):
        name = path.relative_to(scenarios).as_posix().removesuffix(".toml")
        text = path.read_text(encoding="utf-8")
        SHELF.scenarios[name] = text
        SHELF.beside[name] = {
            other.name: other.read_bytes()
            for other in sorted(path.parent.iterdir())
            if other.name.endswith((PROGRAM_SUFFIX, *DATA_SUFFIXES)) and other.name in text
        }


def check_program(text: str, name: str) -> tuple[Diagnostic, ...]:
    """Return every problem of one program's text."""
    return check(text, name).diagnostics


def library() -> dict[str, Any]:
    """Return each program of the library: name, title, doc, text and parameters."""
    return {"programs": [_program(name, text) for name, text in sorted(SHELF.programs.items())]}


def _program(name: str, text: str) -> dict[str, Any]:
    program = check(text, name).program
    if program is None:
        return {"name": name, "title": name, "doc": "", "text": text, "params": []}
    params = [_param(param) for param in program.params]
    return {
        "name": name,
        "title": program.title,
        "doc": program.doc,
        "text": text,
        "params": params,
    }


def _param(param: tree.Param) -> dict[str, Any]:
    """Describe one parameter; bounds are texts, since they may exceed what JavaScript counts."""
    default = list(param.default) if isinstance(param.default, tuple) else param.default
    return {
        "name": param.name,
        "kind": param.kind.value,
        "default": default,
        "low": str(param.low),
        "high": str(param.high),
        "unit": param.unit,
        "help": param.help,
    }


def scenarios() -> dict[str, Any]:
    """Return each shipped scenario: name, title, summary, look_for, text and what lies beside."""
    return {"scenarios": [_scenario(name, text) for name, text in SHELF.scenarios.items()]}


def _scenario(name: str, text: str) -> dict[str, Any]:
    beside = SHELF.beside[name]
    programs = {key: raw.decode() for key, raw in beside.items() if key.endswith(PROGRAM_SUFFIX)}
    files = {key: raw for key, raw in beside.items() if key not in programs}
    model = load_scenario(text, files).model
    return {
        "name": name,
        "title": model.title if model else name,
        "summary": model.summary if model else "",
        "look_for": model.look_for if model else "",
        "story": model.story if model else "",
        "text": text,
        "programs": programs,
        "files": {key: base64.b64encode(raw).decode() for key, raw in files.items()},
    }


def helpers() -> dict[str, Any]:
    """Return the language's vocabulary, for completions and hovers."""
    return catalogue()
