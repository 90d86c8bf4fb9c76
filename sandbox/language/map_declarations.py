"""Map declarations: `name = HashMap(max_entries=1024, value=Flow)`."""

from __future__ import annotations

import ast

from sandbox.language import tree
from sandbox.language.constants import constant
from sandbox.language.maps import INNER_MAPS_MAX, MAPS, MapSpec
from sandbox.language.report import Report, span_of
from sandbox.language.scope import Scope
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Kind


def declare_map(name: str, call: ast.Call, scope: Scope, report: Report) -> None:
    """Read a map into the scope; a broken one is kept with size 1, so that checking can go on."""
    assert isinstance(call.func, ast.Name)
    spec = MAPS[call.func.id]
    given = _arguments(call, spec, report)
    count: int | str = 0
    if spec.count_name:
        count = _size(
            given.get(spec.count_name), spec.count_name, INNER_MAPS_MAX, call, spec, scope, report
        )
    entries = _size(
        given.get("max_entries"), "max_entries", spec.entries_max, call, spec, scope, report
    )
    scope.maps[name] = tree.MapDecl(
        name=name,
        kind=spec.name,
        max_entries=entries,
        count=count,
        value=_value(given.get("value"), scope, report),
        less=_less(given.get("less"), scope, report),
        span=span_of(call),
    )


def _options(spec: MapSpec) -> list[str]:
    names = [spec.count_name] if spec.count_name else []
    names.append("max_entries")
    names += ["value"] if spec.takes_value else []
    return names + (["less"] if spec.takes_less else [])


def _arguments(call: ast.Call, spec: MapSpec, report: Report) -> dict[str, ast.expr]:
    given: dict[str, ast.expr] = {}
    positional = 1 if spec.count_name else 0
    if call.args and spec.count_name:
        given[spec.count_name] = call.args[0]
    if len(call.args) > positional:
        report.add(
            "map",
            call.args[positional],
            f"{spec.name} takes its sizes by name",
            f"write {spec.signature}",
        )
    options = _options(spec)
    for word in call.keywords:
        name = word.arg or "**"
        if name in options and name not in given:
            given[name] = word.value
        else:
            report.add(
                "unknown-option",
                word,
                f'{spec.name} has no option "{name}"{did_you_mean(name, options)}'
                if name not in options
                else f'"{name}" is given twice',
                f"write {spec.signature}",
            )
    return given


def _size(
    node: ast.expr | None,
    word: str,
    most: int,
    call: ast.Call,
    spec: MapSpec,
    scope: Scope,
    report: Report,
) -> int | str:
    if node is None:
        report.add("map", call, f"{spec.name} needs {word}", f"write {spec.signature}")
        return 1
    if isinstance(node, ast.Name) and node.id in scope.params:
        param = scope.params[node.id]
        if isinstance(param.default, tuple) or param.kind is not Kind.INT:
            report.add(
                "map",
                node,
                f'{word} is an int, "{node.id}" is a list or a bool',
                "use an int Param",
            )
            return 1
        if isinstance(param.default, int) and not 1 <= param.default <= most:
            report.add(
                "map",
                node,
                f'{word} is 1 to {most}, the default of "{node.id}" is {param.default}',
                f"give it a default from 1 to {most}",
            )
        return node.id
    found = constant(node, scope, report)
    if found is None:
        return 1
    if not 1 <= found.value <= most or found.kind is not Kind.INT:
        report.add(
            "map",
            node,
            f"{word} of {spec.name} is 1 to {most}, got {found.value}",
            "choose a size in that range",
        )
        return 1
    return found.value


def _value(node: ast.expr | None, scope: Scope, report: Report) -> str:
    match node:
        case None | ast.Name(id="int"):
            return ""
        case ast.Name(id=name) if name in scope.records:
            return name
    got = f'"{node.id}"' if isinstance(node, ast.Name) else "an expression"
    near = did_you_mean(node.id, scope.records) if isinstance(node, ast.Name) else ""
    report.add(
        "map",
        node,
        f"a map's value is int or a Record, got {got}{near}",
        "define the record above the map",
    )
    return ""


def _less(node: ast.expr | None, scope: Scope, report: Report) -> str:
    match node:
        case None:
            return ""
        case ast.Name(id=name) if name in scope.functions:
            scope.comparators.add(name)
            return name
    got = f'"{node.id}"' if isinstance(node, ast.Name) else "an expression"
    report.add(
        "map",
        node,
        f"less is the name of a function of two packets, got {got}",
        'define "def earlier(a, b): return a.mark < b.mark" above the map',
    )
    return ""
