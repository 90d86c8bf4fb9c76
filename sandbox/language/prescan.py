"""Prescan: which names of a function are local, as Python decides it, before its body is walked."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from sandbox.language.report import Report, span_of
from sandbox.language.scope import RESERVED, Scope
from sandbox.language.tree import Span
from sandbox.language.walk import below


@dataclass(slots=True)
class Names:
    """The names a function assigns: its locals, and the globals it declares with `global`."""

    locals: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)


def prescan(node: ast.FunctionDef, scope: Scope, report: Report) -> Names:
    """Return the names a function assigns, reporting those it may not."""
    names = Names()
    parts = below(node)
    _read_globals(node, parts, scope, report, names)
    for arg in node.args.args:
        _check_local(arg.arg, arg, node, scope, report, names)
    for part in parts:
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store | ast.Del):
            _check_local(part.id, part, node, scope, report, names)
    return names


def _read_globals(
    node: ast.FunctionDef, parts: list[ast.AST], scope: Scope, report: Report, names: Names
) -> None:
    """Read the `global` lines, which stand at the beginning of the function."""
    at_start = True
    for position, statement in enumerate(node.body):
        if isinstance(statement, ast.Global):
            if not at_start:
                report.add(
                    "global-place",
                    statement,
                    '"global" stands at the beginning of a function',
                    "move it up",
                )
            for name in statement.names:
                _declare_global(name, statement, node, scope, report, names)
        elif position > 0 or not _is_text(statement):
            at_start = False
    for part in parts:
        if isinstance(part, ast.Global) and part not in node.body:
            report.add(
                "global-place", part, '"global" stands at the beginning of a function', "move it up"
            )
            for name in part.names:
                _declare_global(name, part, node, scope, report, names)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _declare_global(
    name: str, place: ast.Global, node: ast.FunctionDef, scope: Scope, report: Report, names: Names
) -> None:
    if name in scope.globals:
        names.globals.add(name)
        if name in {arg.arg for arg in node.args.args}:
            report.add(
                "shadowed-name",
                place,
                f'"{name}" is a parameter of "{node.name}" and global',
                "rename one",
            )
        return
    what = scope.what(name) if name in scope.lines else "not declared at the top level"
    hint = f'write "{name} = 0" at the top level'
    if name in scope.constants:
        hint = "a name in capitals is a constant; write a global in lower case"
    elif name in scope.params:
        hint = "parameters are set from outside; copy it into a global in init(ctx)"
    elif name in scope.lines:
        hint = "only globals are named by global"
    report.add("not-a-global", place, f'"{name}" is {what}, not a global', hint)


def _check_local(
    name: str, place: ast.AST, node: ast.FunctionDef, scope: Scope, report: Report, names: Names
) -> None:
    if name in names.globals or (name == "ctx" and isinstance(place, ast.arg)):
        return
    if name in scope.globals and isinstance(place, ast.Name):
        names.globals.add(name)
        first = node.body[0]
        column = span_of(first).column
        where = Span(first.lineno, column, first.lineno, column)
        report.add(
            "missing-global",
            place,
            f'"{name}" is a global; assigning it here would make a new local',
            f'write "global {name}" at the beginning of {node.name}',
            fix=("declare it global", where, f"global {name}\n{' ' * (column - 1)}"),
        )
        return
    if name in RESERVED:
        report.add(
            "reserved-name", place, f'"{name}" is a name of the language', "choose another name"
        )
    elif name in scope.lines:
        report.add(
            "shadowed-name",
            place,
            f'"{name}" is already {scope.what(name)}, declared in line {scope.lines[name]}',
            "choose another name",
        )
    names.locals.add(name)
