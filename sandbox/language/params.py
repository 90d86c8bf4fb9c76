"""Params: `name = Param(default, min=, max=, unit=, help=)`."""

from __future__ import annotations

import ast

from sandbox.language import limits, tree
from sandbox.language.constants import constant
from sandbox.language.helpers import DEVICE_DEFAULTS
from sandbox.language.report import Report, span_of
from sandbox.language.scope import Scope
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import INT_MAX, INT_MIN, Kind

UNITS = ("bytes", "packets", "bits_per_second", "ns", "percent")
OPTIONS = ("min", "max", "unit", "help")
U32_MAX = 2**32 - 1


def declare_param(name: str, call: ast.Call, scope: Scope, report: Report) -> None:
    """Read a parameter into the scope."""
    scope.params[name] = read_param(name, call, scope, report)


def read_param(
    name: str, call: ast.Call, scope: Scope, report: Report, *, scalar: bool = False
) -> tree.Param:
    """Return a parameter; a broken one gets a default of 0, so that checking can go on."""
    options = _options(call, report)
    default: int | tuple[int, ...] | str = 0
    kind = Kind.INT
    if len(call.args) == 1:
        kind, default = _default(call.args[0], scope, report, scalar)
    else:
        report.add(
            "param",
            call,
            f"Param takes one default value, got {len(call.args)}",
            f'write {name} = Param(1000, min=1, max=10000, unit="packets")',
        )
    low, high = _bounds(options, kind, default, scope, report)
    _check_default(default, low, high, call, report)
    return tree.Param(
        name=name,
        default=default,
        kind=kind,
        low=low,
        high=high,
        unit=_unit(options.get("unit"), kind, report),
        help=_text(options.get("help"), report),
        span=span_of(call),
    )


def _options(call: ast.Call, report: Report) -> dict[str, ast.expr]:
    options: dict[str, ast.expr] = {}
    for word in call.keywords:
        if word.arg in OPTIONS and word.arg not in options:
            options[word.arg] = word.value
        else:
            name = word.arg or "**"
            report.add(
                "unknown-option",
                word,
                f'Param has no option "{name}"{did_you_mean(name, OPTIONS)}',
                "options are min, max, unit and help",
            )
    return options


def _default(
    node: ast.expr, scope: Scope, report: Report, scalar: bool
) -> tuple[Kind, int | tuple[int, ...] | str]:
    if isinstance(node, ast.Name) and node.id in DEVICE_DEFAULTS:
        return Kind.INT, node.id
    if not isinstance(node, ast.List):
        found = constant(node, scope, report)
        return (Kind.INT, 0) if found is None else (found.kind, found.value)
    if scalar or not 1 <= len(node.elts) <= limits.PARAM_ITEMS_MAX:
        report.add(
            "param",
            node,
            "a class parameter is one value, got a list"
            if scalar
            else f"a list parameter has 1 to {limits.PARAM_ITEMS_MAX} items, got {len(node.elts)}",
            "keep per-class lists in an Array field"
            if scalar
            else "use an ArrayMap for longer tables",
        )
    values = [constant(item, scope, report) for item in node.elts[: limits.PARAM_ITEMS_MAX]]
    return Kind.INT, tuple(0 if value is None else value.value for value in values) or (0,)


def _bounds(
    options: dict[str, ast.expr],
    kind: Kind,
    default: int | tuple[int, ...] | str,
    scope: Scope,
    report: Report,
) -> tuple[int, int]:
    low, high = (0, 1) if kind is Kind.BOOL else (INT_MIN, INT_MAX)
    if isinstance(default, str):
        low, high = 0, U32_MAX
    for word in ("min", "max"):
        if word not in options:
            continue
        if kind is Kind.BOOL:
            report.add("param", options[word], f'a bool parameter has no "{word}"', "leave it out")
            continue
        found = constant(options[word], scope, report)
        if found is not None and word == "min":
            low = found.value
        elif found is not None:
            high = found.value
    if low > high:
        report.add(
            "param",
            options.get("max") or options["min"],
            f"min {low} is above max {high}",
            "swap them",
        )
        return INT_MIN, INT_MAX
    return low, high


def _check_default(
    default: int | tuple[int, ...] | str, low: int, high: int, call: ast.Call, report: Report
) -> None:
    values = (
        () if isinstance(default, str) else default if isinstance(default, tuple) else (default,)
    )
    for value in values:
        if not low <= value <= high:
            report.add(
                "param",
                call,
                f"the default {value} is outside {low} to {high}",
                "change the default, min or max",
            )


def _unit(node: ast.expr | None, kind: Kind, report: Report) -> str:
    if node is None:
        return ""
    match node:
        case ast.Constant(value=str() as unit) if unit in UNITS and kind is Kind.INT:
            return unit
    got = node.value if isinstance(node, ast.Constant) else "an expression"
    hint = did_you_mean(str(got), UNITS) if isinstance(got, str) else ""
    report.add(
        "param",
        node,
        f'unknown unit "{str(got)[:40]}"{hint}'
        if kind is Kind.INT
        else "a bool parameter has no unit",
        f"units are {', '.join(UNITS)}",
    )
    return ""


def _text(node: ast.expr | None, report: Report) -> str:
    match node:
        case None:
            return ""
        case ast.Constant(value=str() as text):
            return text
    report.add("param", node, "help is a string literal", 'write help="what it does"')
    return ""
