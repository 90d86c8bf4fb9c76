"""Roles: what may be used in which entry point, through helper functions too."""

from __future__ import annotations

from sandbox.language.function_check import Summary, Use, Whole
from sandbox.language.report import WHOLE, Report
from sandbox.language.scope import Scope
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Function
from sandbox.language.verdicts import ENTRIES


def check_entries(scope: Scope, report: Report) -> None:
    """Demand a whole qdisc, or a program of the tc layer."""
    have = set(scope.functions)
    if not have & {"enqueue", "dequeue"} and have & {"egress", "classify"}:
        return
    for name in ("enqueue", "dequeue"):
        if name in have:
            continue
        near = did_you_mean(name, have - set(ENTRIES))
        spec = ENTRIES[name]
        report.add(
            "missing-entry",
            WHOLE,
            f'the program has no function "{name}"{near}',
            f'write "def {spec.signature}:", which returns {spec.returns}',
        )


def check_roles(functions: list[Function], whole: Whole, report: Report) -> None:
    """Report every use that an entry point or comparator reaching it does not allow."""
    for function in functions:
        if function.role == "helper":
            continue
        for summary in _reached(function.name, whole):
            for use in summary.uses:
                if function.role not in use.allowed:
                    _refuse(use, function, summary, report)


def _reached(name: str, whole: Whole) -> list[Summary]:
    seen: dict[str, Summary] = {}
    todo = [name]
    while todo:
        current = todo.pop()
        if current in seen or current not in whole.summaries:
            continue
        seen[current] = whole.summaries[current]
        todo.extend(seen[current].calls)
    return list(seen.values())


def _refuse(use: Use, function: Function, summary: Summary, report: Report) -> None:
    through = f' (reached through "{summary.name}")' if summary.name != function.name else ""
    role = function.role if function.role != "comparator" else f'the comparator "{function.name}"'
    allowed = [name for name in ENTRIES if name in use.allowed]
    hint = use.hint or f"allowed in {', '.join(allowed)}"
    if function.role == "comparator":
        hint = "a comparator reads its two packets and constants only"
    report.add("not-here", use.span, f"{use.what} cannot be used in {role}{through}", hint)
