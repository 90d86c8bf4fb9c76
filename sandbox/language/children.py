"""Children: `children = Children(count, kind="pfifo", limit=…)`, the default qdiscs of classes 1 to count."""

from __future__ import annotations

import ast

from sandbox.language import tree
from sandbox.language.constants import constant
from sandbox.language.limits import CHILDREN_MAX
from sandbox.language.report import Report, span_of
from sandbox.language.scope import Scope
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Kind

OPTIONS = ("count", "kind", "limit")
FORM = 'write children = Children(3, kind="pfifo", limit=100)'
DEFAULT_KIND = "pfifo"


def declare_children(call: ast.Call, scope: Scope, report: Report) -> None:
    """Read the declaration into the scope; a program has one at most."""
    if scope.children is not None:
        message = f"the children are declared already, in line {scope.children.span.line}"
        report.add("children", call, message, "remove one of the two")
        return
    given = _arguments(call, report)
    scope.children = tree.ChildrenDecl(
        count=_count(given.get("count"), call, scope, report),
        kind=_kind(given.get("kind"), report),
        limit=_number(given["limit"], "limit", scope, report) if "limit" in given else None,
        span=span_of(call),
    )


def _arguments(call: ast.Call, report: Report) -> dict[str, ast.expr]:
    given: dict[str, ast.expr] = {}
    if call.args:
        given["count"] = call.args[0]
    if len(call.args) > 1:
        report.add("children", call.args[1], "Children takes kind and limit by name", FORM)
    for word in call.keywords:
        name = word.arg or "**"
        if name in OPTIONS and name not in given:
            given[name] = word.value
            continue
        near = did_you_mean(name, OPTIONS)
        what = f'"{name}" is given twice' if name in OPTIONS else f'no option "{name}"{near}'
        report.add("unknown-option", word, f"Children: {what}", FORM)
    return given


def _count(node: ast.expr | None, call: ast.Call, scope: Scope, report: Report) -> int | str:
    if node is None:
        report.add("children", call, "Children needs the number of classes", FORM)
        return 1
    count = _number(node, "the number of classes", scope, report)
    top = scope.params[count].high if isinstance(count, str) else count
    low = scope.params[count].low if isinstance(count, str) else count
    if low < 1 or top > CHILDREN_MAX:
        hint = "give the Param a min and a max" if isinstance(count, str) else FORM
        message = f"the number of classes is 1 to {CHILDREN_MAX}, this is {low} to {top}"
        report.add("children", node, message, hint)
    return count


def _number(node: ast.expr, what: str, scope: Scope, report: Report) -> int | str:
    if isinstance(node, ast.Name) and node.id in scope.params:
        param = scope.params[node.id]
        if isinstance(param.default, tuple) or param.kind is not Kind.INT:
            message = f'{what} is an int, "{node.id}" is a list or a bool'
            report.add("children", node, message, "use an int Param")
        return node.id
    found = constant(node, scope, report)
    return found.value if found is not None else 1


def _kind(node: ast.expr | None, report: Report) -> str:
    match node:
        case None:
            return DEFAULT_KIND
        case ast.Constant(value=str() as kind):
            return kind
    report.add("children", node, "kind is the name of a library qdisc in quotes", FORM)
    return DEFAULT_KIND
