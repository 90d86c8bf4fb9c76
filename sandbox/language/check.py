"""Check: from a program's text to diagnostics and, when none is an error, to its typed tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from sandbox.diagnostics import Diagnostic
from sandbox.language import tree
from sandbox.language.advice import advise
from sandbox.language.declarations import declare, docstring
from sandbox.language.function_check import TooComplex, Whole
from sandbox.language.functions import callee_first, check_function
from sandbox.language.limits import WORK_MAX
from sandbox.language.parse import parse
from sandbox.language.report import WHOLE, Report
from sandbox.language.roles import check_entries, check_roles
from sandbox.language.scope import Scope
from sandbox.language.text import read_text
from sandbox.language.tokens import scan


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check; `program` is None when any diagnostic is an error."""

    diagnostics: tuple[Diagnostic, ...]
    program: tree.Program | None


def check(source: str | bytes, name: str = "program") -> Checked:
    """Check any text whatever: never raises, reports all problems it can find."""
    return check_with(source, name)


def check_with(
    source: str | bytes, name: str = "program", *, suppressed: frozenset[str] = frozenset()
) -> Checked:
    """Check with some rules silent, which only tests want."""
    report = Report(name, suppressed)
    program = _program(source, name, report)
    return Checked(report.diagnostics(), None if report.failed else program)


def _program(source: str | bytes, name: str, report: Report) -> tree.Program | None:
    text = read_text(source, report)
    if text is None or not scan(text, report):
        return None
    module = parse(text, report)
    if module is None:
        return None
    scope = declare(module, report)
    check_entries(scope, report)
    whole = Whole()
    functions: list[tree.Function] = []
    try:
        for function in callee_first(scope, report):
            functions.append(check_function(function, scope, report, whole))
    except TooComplex:
        report.add(
            "too-complex",
            WHOLE,
            f"following every path through this program takes more than {WORK_MAX} steps",
            "split long functions, and loops within loops, into helper functions",
        )
        return None
    check_roles(functions, whole, report)
    if report.failed:
        return None
    program = _built(text, name, module, scope, whole, functions)
    advise(program, report)
    return program


def _built(
    text: str,
    name: str,
    module: ast.Module,
    scope: Scope,
    whole: Whole,
    functions: list[tree.Function],
) -> tree.Program:
    doc = docstring(module)
    return tree.Program(
        name=name,
        title=doc.split("\n", 1)[0].strip() or name,
        doc=doc,
        source=text,
        params=tuple(scope.params.values()),
        records=tuple(scope.records.values()),
        class_record=scope.class_record,
        globals=tuple(scope.globals.values()),
        maps=tuple(
            replace(declared, methods=frozenset(whole.methods.get(declared.name, ())))
            for declared in scope.maps.values()
        ),
        functions=tuple(functions),
        reasons=tuple(whole.reasons),
        formats=tuple(whole.formats),
        children=scope.children,
    )
