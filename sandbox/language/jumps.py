"""Jumps: every break and continue stands in a loop, also where no path leads, as Python demands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox.language.report import Report

Jump = ast.Break | ast.Continue


def check_jumps(node: ast.FunctionDef, report: Report) -> None:
    """Report each jump of a function that no loop holds."""
    for jump in _outside_loops(node.body):
        word = "break" if isinstance(jump, ast.Break) else "continue"
        report.add("outside-loop", jump, f'"{word}" is outside a loop', "return leaves a function")


def _outside_loops(body: list[ast.stmt]) -> Iterator[Jump]:
    for statement in body:
        match statement:
            case ast.Break() | ast.Continue():
                yield statement
            case ast.If():
                yield from _outside_loops(statement.body)
                yield from _outside_loops(statement.orelse)
            case ast.For() | ast.While():
                yield from _outside_loops(statement.orelse)
