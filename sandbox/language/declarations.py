"""Declarations: the top level of a program, read from the tree and never executed."""

from __future__ import annotations

import ast

from sandbox.language import limits, tree
from sandbox.language.children import declare_children
from sandbox.language.constants import constant
from sandbox.language.map_declarations import declare_map
from sandbox.language.maps import MAPS
from sandbox.language.params import declare_param
from sandbox.language.records import declare_record
from sandbox.language.report import Report, span_of
from sandbox.language.scope import RESERVED, Constant, Scope
from sandbox.language.tree import Kind
from sandbox.language.verdicts import ENTRIES

_COUNTED = (
    ("params", limits.PARAMS_MAX, "parameters"),
    ("globals", limits.GLOBALS_MAX, "globals"),
    ("maps", limits.MAPS_MAX, "maps"),
    ("records", limits.RECORDS_MAX, "records"),
    ("functions", limits.FUNCTIONS_MAX, "functions"),
)


def declare(module: ast.Module, report: Report) -> Scope:
    """Return the scope of a program, reporting every problem of its declarations."""
    scope = Scope()
    for position, statement in enumerate(module.body):
        if position == 0 and _is_docstring(statement):
            continue
        _declare_one(statement, scope, report)
        _check_counts(statement, scope, report)
    _check_table_words(scope, report)
    return scope


def docstring(module: ast.Module) -> str:
    """Return the text a program begins with, or ""."""
    if module.body and _is_docstring(module.body[0]):
        return ast.get_docstring(module) or ""
    return ""


def _is_docstring(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def _declare_one(statement: ast.stmt, scope: Scope, report: Report) -> None:
    match statement:
        case ast.FunctionDef(name=name):
            if _name_is_free(name, statement, scope, report):
                scope.functions[name] = statement
        case ast.ClassDef(name=name):
            if _name_is_free(name, statement, scope, report):
                declare_record(statement, scope, report)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            if _name_is_free(name, statement, scope, report):
                _declare_value(name, value, statement, scope, report)
        case ast.AnnAssign(target=ast.Name(id=name)):
            report.add(
                "annotation",
                statement,
                f'"{name}" needs no annotation',
                f'write "{name} = ..."; only fields of a Record are annotated',
            )
            _name_is_free(name, statement, scope, report)
        case _:
            report.add(
                "top-level",
                statement,
                "only parameters, constants, globals, records, maps and functions stand at "
                "the top level",
                "move statements into init(ctx)",
            )


def _name_is_free(name: str, node: ast.stmt, scope: Scope, report: Report) -> bool:
    if name in RESERVED or (name in ENTRIES and not isinstance(node, ast.FunctionDef)):
        report.add(
            "reserved-name",
            node,
            f'"{name}" is a name of the language and cannot be declared',
            "choose another name",
        )
        return False
    if name in scope.lines:
        report.add(
            "duplicate-name",
            node,
            f'"{name}" is already {scope.what(name)}, declared in line {scope.lines[name]}',
            "choose another name",
        )
        return False
    scope.lines[name] = span_of(node).line
    return True


def _declare_value(
    name: str, value: ast.expr, statement: ast.stmt, scope: Scope, report: Report
) -> None:
    match value:
        case ast.Call(func=ast.Name(id="Param")):
            declare_param(name, value, scope, report)
            return
        case ast.Call(func=ast.Name(id="Children")):
            declare_children(value, scope, report)
            return
        case ast.Call(func=ast.Name(id=kind)) if kind in MAPS:
            declare_map(name, value, scope, report)
            return
    found = constant(value, scope, report) or Constant(Kind.INT, 0)
    if name.isupper():
        scope.constants[name] = found
    else:
        scope.globals[name] = tree.GlobalVar(
            name=name, kind=found.kind, initial=found.value, span=span_of(statement)
        )


def _check_counts(statement: ast.stmt, scope: Scope, report: Report) -> None:
    for table, most, word in _COUNTED:
        if len(getattr(scope, table)) > most:
            report.add(
                "too-many-declarations",
                statement,
                f"a program has at most {most} {word}",
                "put related values into a Record or an ArrayMap",
            )


def _check_table_words(scope: Scope, report: Report) -> None:
    """Bound the memory of hash and array maps whose size is known from the text."""
    total = 0
    for declared in scope.maps.values():
        if MAPS[declared.kind].holds != "values" or isinstance(declared.max_entries, str):
            continue
        record = scope.record(declared.value)
        total += declared.max_entries * (record.words if record else 1)
        if total > limits.TABLE_WORDS_MAX:
            report.add(
                "maps-too-big",
                declared.span,
                f"hash and array maps may hold {limits.TABLE_WORDS_MAX} ints in all, this makes {total}",
                "lower max_entries or shorten the record",
            )
            return
