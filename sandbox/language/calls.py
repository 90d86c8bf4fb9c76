"""Calls: helpers of the language and functions of the program."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from sandbox.language import map_calls, operands, tree
from sandbox.language.arguments import (
    bind,
    check_arguments,
    consume,
    may_write,
    packet,
)
from sandbox.language.constructs import PYTHON_FUNCTIONS
from sandbox.language.flow import BORROWED, OWNED, PACKETS, RECORDS, Value
from sandbox.language.helpers import HELPERS, HelperSpec
from sandbox.language.maps import MAPS
from sandbox.language.operands import BOOL, INT, kind_text, known, present
from sandbox.language.report import span_of
from sandbox.language.scope import RESERVED
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Expr, Kind, Type
from sandbox.language.verdicts import ENTRIES

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck, Summary

NOT_DECLARED = 'say in its def that it takes a packet, "skb: Owned", or reads one, "skb: Skb"'
CHILDREN = "children"  # what child_peek borrows from


def call(c: FunctionCheck, node: ast.Call) -> Value:
    """Return a checked call."""
    match node.func:
        case ast.Name(id=name) if name not in c.locals:
            if name == "len":
                return map_calls.map_len(c, node)
            if name in HELPERS:
                return _helper(c, node, HELPERS[name])
            if name in c.scope.functions:
                return _user_call(c, node, name)
        case ast.Attribute(value=owner, attr=attr):
            if map_calls.receiver(c, owner) is not None:
                return map_calls.map_method(c, node)
            if isinstance(owner, ast.Name) and owner.id == "ctx" and c.has_ctx:
                return _ctx_method(c, node, attr)
            return _packet_method(c, node, owner, attr)
    return _unknown(c, node)


def _unknown(c: FunctionCheck, node: ast.Call) -> Value:
    for argument in node.args:
        if not isinstance(argument, ast.Starred):
            c.look(argument)
    if not isinstance(node.func, ast.Name):
        c.error(
            "not-callable", node, "only named functions can be called", "write a helper function"
        )
        return c.bad(node)
    name = node.func.id
    if name in c.locals:
        c.error("not-callable", node, f'"{name}" is a local, not a function', "choose another name")
    elif c.scope.record(name):
        c.error(
            "not-callable",
            node,
            f"a {name} cannot be made on its own: records live in maps",
            "lookup_or_init(key) makes one",
        )
    elif name in MAPS:
        c.error(
            "not-callable",
            node,
            f"a {name} is declared at the top level",
            f"move it: name = {name}(...)",
        )
    elif name in c.scope.lines or name in RESERVED:
        hint = PYTHON_FUNCTIONS.get(name, "see docs/language.md")
        c.error("not-callable", node, f'"{name}" cannot be called', hint)
    else:
        helpers = [helper for helper in HELPERS if "." not in helper]
        near = did_you_mean(name, (*c.scope.functions, *helpers))
        hint = "helpers of the language are listed in docs/language.md"
        c.error(
            "undefined-name",
            node.func,
            f'undefined function "{name}"{near}',
            PYTHON_FUNCTIONS.get(name, hint),
        )
    return c.bad(node)


# --- helpers of the language ---


def _helper(c: FunctionCheck, node: ast.Call, spec: HelperSpec) -> Value:
    if spec.statement or spec.name in ("range", "classes"):
        hint = {
            "range": "write for i in range(n):",
            "classes": "write for cl in classes():",
        }.get(spec.name, "write it on a line of its own")
        c.error("statement-only", node, f"{spec.name} has no value", hint)
        return c.bad(node)
    c.use(spec.name, spec.allowed, node)
    if spec.name in ("min", "max"):
        return _extreme(c, node, spec)
    given = bind(c, node, spec)
    if given is None:
        return c.bad(node)
    args = check_arguments(c, node, spec, given)
    if args is None:
        return c.bad(node)
    return _apply(c, node, spec, args)


def _apply(c: FunctionCheck, node: ast.Call, spec: HelperSpec, args: tuple[Expr, ...]) -> Value:
    own, maps, low, high = "", frozenset[str](), spec.low, spec.high
    kind = INT
    if spec.name in ("child_enqueue", "child_dequeue", "child_peek"):
        map_calls.change(c, CHILDREN, node, f"{spec.name} in line {node.lineno}")
    match spec.returns:
        case "bool":
            kind, low, high = BOOL, 0, 1
        case "nothing":
            kind = Type(Kind.VOID)
        case "owned?":
            kind, own = Type(Kind.OPTIONAL_SKB), OWNED
        case "peek?":
            kind, own = Type(Kind.OPTIONAL_SKB, borrowed=True), BORROWED
            maps = frozenset({CHILDREN})
        case "class?":
            if c.scope.class_record is None:
                no_class_record(c, node)
                return c.bad(node)
            kind = Type(Kind.OPTIONAL_RECORD, c.scope.class_record.name)
    if spec.name == "child_enqueue" and isinstance(args[0], tree.Local):
        c.spend(args[0].name, f"handed to a child in line {node.lineno}")
    if spec.name in ("udiv", "umod") and known(args[1]) == 0:
        c.error(
            "division-by-zero",
            node,
            "this divides by 0, which stops the run",
            "test the divisor first",
        )
    if spec.name == "abs" and args[0].low > -(2**63):
        low = max(args[0].low, -args[0].high, 0)
        high = max(abs(args[0].low), abs(args[0].high))
    return Value(
        tree.HelperCall(
            span=span_of(node), type=kind, helper=spec.name, args=args, low=low, high=high
        ),
        own=own,
        maps=maps,
    )


def no_class_record(c: FunctionCheck, node: ast.AST) -> None:
    """Report that the program declares no class record."""
    c.error(
        "no-class-record",
        node,
        "this program has no class record",
        'declare "class Class(ClassRecord):" with what each tc class needs',
    )


def _extreme(c: FunctionCheck, node: ast.Call, spec: HelperSpec) -> Value:
    if len(node.args) < 2 or node.keywords:
        c.error(
            "arguments", node, f"{spec.name} takes two or more ints", f"write {spec.name}(a, b)"
        )
        return c.bad(node)
    args = tuple(c.integer(arg, f"each argument of {spec.name}") for arg in node.args)
    pick = min if spec.name == "min" else max
    return Value(
        tree.HelperCall(
            span=span_of(node),
            type=INT,
            helper=spec.name,
            args=args,
            low=pick(arg.low for arg in args),
            high=pick(arg.high for arg in args),
        )
    )


def _ctx_method(c: FunctionCheck, node: ast.Call, attr: str) -> Value:
    spec = HELPERS.get(f"ctx.{attr}")
    if spec is None:
        names = [name[4:] for name in HELPERS if name.startswith("ctx.")]
        c.error(
            "unknown-method",
            node.func,
            f'ctx has no method "{attr}"{did_you_mean(attr, names)}',
            f"its methods are {', '.join(names)}",
        )
        return c.bad(node)
    c.use(spec.name, spec.allowed, node)
    given = bind(c, node, spec)
    args = None if given is None else check_arguments(c, node, spec, given)
    return c.bad(node) if args is None else _apply(c, node, spec, args)


def _packet_method(c: FunctionCheck, node: ast.Call, owner: ast.expr, attr: str) -> Value:
    base = c.look(owner)
    if base.bad:
        return c.bad(node)
    spec = HELPERS.get(f"skb.{attr}")
    if base.kind not in PACKETS or spec is None:
        names = [name[4:] for name in HELPERS if name.startswith("skb.")]
        near = did_you_mean(attr, names) if base.kind in PACKETS else ""
        hint = f"a packet's methods are {', '.join(names)}"
        what = kind_text(base.expr.type)
        c.error("unknown-method", node.func, f'{what} has no method "{attr}"{near}', hint)
        return c.bad(node)
    if not present(c, owner, base):
        return c.bad(node)
    whole = ast.Call(func=node.func, args=[owner, *node.args], keywords=node.keywords)
    ast.copy_location(whole, node)
    given = bind(c, whole, spec)
    args = None if given is None else check_arguments(c, whole, spec, given)
    return c.bad(node) if args is None else _apply(c, node, spec, args)


# --- functions of the program ---


def _user_call(c: FunctionCheck, node: ast.Call, name: str) -> Value:
    summary = c.whole.summaries.get(name)
    if name in ENTRIES or name in c.scope.comparators:
        what = "an entry point" if name in ENTRIES else "a comparator"
        c.error(
            "calls-entry",
            node,
            f'"{name}" is {what} and cannot be called',
            "move the shared part into a helper function",
        )
        return c.bad(node)
    if summary is None:  # recursive: reported with the call graph
        return c.bad(node)
    c.summary.calls.setdefault(name, span_of(node))
    if node.keywords or len(node.args) != len(summary.params):
        form = ", ".join(param for param, _ in summary.params)
        c.error(
            "arguments",
            node,
            f"{name} takes {len(summary.params)} arguments by position, got "
            f"{len(node.args) + len(node.keywords)}",
            f"write {name}({form})",
        )
        return c.bad(node)
    args = _user_arguments(c, node, summary)
    for changed in sorted(summary.changes):
        map_calls.change(
            c, changed, node, f"{name} in line {node.lineno}, which changes {changed},"
        )
    if args is None or summary.returns is None:
        return c.bad(node)
    return Value(
        tree.UserCall(span=span_of(node), type=summary.returns, function=name, args=args),
        own=summary.own,
        maps=summary.maps,
        verdicts=summary.verdicts,
    )


def _user_arguments(c: FunctionCheck, node: ast.Call, summary: Summary) -> tuple[Expr, ...] | None:
    args: list[Expr | None] = [None] * len(node.args)
    # Lent packets are looked at before owned ones move.
    order = sorted(range(len(args)), key=lambda i: summary.params[i][0] in summary.owned)
    lent: set[str] = set()
    for position in order:
        param, kind = summary.params[position]
        value = node.args[position]
        args[position] = _user_argument(c, value, summary, param, kind, lent)
    checked = tuple(arg for arg in args if arg is not None)
    return checked if len(checked) == len(args) else None


def _user_argument(
    c: FunctionCheck, node: ast.expr, summary: Summary, param: str, kind: Type, lent: set[str]
) -> Expr | None:
    what = f'"{param}" of {summary.name}'
    if kind.kind is Kind.CTX:
        return _ctx_argument(c, node, what)
    if kind.kind is Kind.RECORD:
        return _record_argument(c, node, what, kind)
    if kind.kind is not Kind.SKB:
        expr = operands.integer(c, node, what, NOT_DECLARED)
        is_bad = isinstance(expr, tree.Const) and expr.value is None
        if kind.kind is Kind.BOOL and expr.type.kind is not Kind.BOOL and not is_bad:
            c.error(
                "expected-bool",
                node,
                f"{what} is a bool, got an int",
                "write True, False or a comparison",
            )
        return expr
    if param in summary.owned:
        if isinstance(node, ast.Name) and node.id in lent:
            c.error(
                "passed-twice",
                node,
                f"{node.id} is lent to {summary.name} and given to it in the same call",
                "pass it once, as Owned",
            )
            c.give_up(node.id)
            return None
        return consume(c, node, summary.name, f"given to {summary.name} in line {node.lineno}")
    return _lent_argument(c, node, summary, param, lent)


def _lent_argument(
    c: FunctionCheck, node: ast.expr, summary: Summary, param: str, lent: set[str]
) -> Expr | None:
    expr = packet(c, node, summary.name)
    if not isinstance(expr, tree.Local):
        return expr
    lent.add(expr.name)
    if param in summary.writes and not may_write(c, node, expr.name, summary.name):
        return None
    changed = c.here[expr.name].maps & summary.changes
    if changed:
        c.error(
            "borrow-ended",
            node,
            f'{expr.name} is borrowed from "{min(changed)}", which {summary.name} changes',
            "pass the fields it needs instead",
        )
        return None
    return expr


def _ctx_argument(c: FunctionCheck, node: ast.expr, what: str) -> Expr | None:
    if isinstance(node, ast.Name) and node.id == "ctx" and c.has_ctx:
        return tree.Local(span=span_of(node), type=Type(Kind.CTX), name="ctx")
    c.error("expected-ctx", node, f"{what} is ctx", "give the calling function a ctx and pass it")
    return None


def _record_argument(c: FunctionCheck, node: ast.expr, what: str, kind: Type) -> Expr | None:
    value = c.look(node)
    if value.bad:
        return None
    if value.kind in RECORDS and value.expr.type.record == kind.record:
        return value.expr if present(c, node, value) else None
    c.error(
        "expected-record",
        node,
        f"{what} is a {kind.record} record, got {kind_text(value.expr.type)}",
        "pass what lookup or lookup_or_init gave",
    )
    return None
