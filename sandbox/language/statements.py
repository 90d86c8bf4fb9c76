"""Statements: blocks, branches, drop, trace and the rest."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from sandbox.language import limits, loops, returns, tree
from sandbox.language.arguments import consume
from sandbox.language.assignments import assign, augment
from sandbox.language.flow import OWNED
from sandbox.language.helpers import HELPERS
from sandbox.language.report import span_of
from sandbox.language.tree import Stmt

if TYPE_CHECKING:
    from sandbox.language.function_check import FunctionCheck

_DIRECTIVE = re.compile(r"%(.?)")


def block(c: FunctionCheck, body: list[ast.stmt]) -> tuple[Stmt, ...]:
    """Return the checked statements of a block, as far as a path leads."""
    done: list[Stmt] = []
    for node in body:
        if c.state is None:
            c.skipped.add(node)
            break
        c.reached.add(node)
        c.tick()
        done += statement(c, node)
    return tuple(done)


def statement(c: FunctionCheck, node: ast.stmt) -> list[Stmt]:
    """Return a checked statement; several or none where the tree needs it."""
    match node:
        case ast.Assign():
            return assign(c, node)
        case ast.AugAssign():
            return augment(c, node)
        case ast.If():
            return _if(c, node)
        case ast.While():
            return loops.while_loop(c, node)
        case ast.For():
            return loops.for_loop(c, node)
        case ast.Return():
            return returns.return_(c, node)
        case ast.Expr():
            return _expression(c, node)
        case ast.Break() | ast.Continue():
            return _jump(c, node)
        case ast.Global() | ast.Pass():
            return []
        case ast.AnnAssign():
            c.error("annotation", node, "locals need no annotation", "write name = value")
        case ast.FunctionDef() | ast.ClassDef():
            c.error(
                "nested-definition",
                node,
                f'"{node.name}" is defined inside a function',
                "move it to the top level",
            )
    return []


def _if(c: FunctionCheck, node: ast.If) -> list[Stmt]:
    test, true, false = c.test(node.test)
    c.state = true
    then = block(c, node.body) if true is not None else ()
    after_then = c.state if true is not None else None
    c.state = false
    orelse = block(c, node.orelse) if false is not None else ()
    after_else = c.state if false is not None else None
    c.state = c.join(after_then, after_else, node)
    return [tree.If(span=span_of(node), test=test, then=then, orelse=orelse)]


def _jump(c: FunctionCheck, node: ast.Break | ast.Continue) -> list[Stmt]:
    word = "break" if isinstance(node, ast.Break) else "continue"
    if not c.loops:
        return []
    kept = c.loops[-1].breaks if word == "break" else c.loops[-1].continues
    kept.append(c.here)
    c.state = None
    return [
        tree.Break(span=span_of(node)) if word == "break" else tree.Continue(span=span_of(node))
    ]


# --- calls for their effect ---


def _expression(c: FunctionCheck, node: ast.Expr) -> list[Stmt]:
    match node.value:
        case ast.Constant(value=str()):
            c.error("string", node, "a string that does nothing", 'write a comment with "#"')
            return []
        case ast.Call(func=ast.Name(id="drop")):
            return _drop(c, node.value)
        case ast.Call(func=ast.Name(id="trace")):
            return _trace(c, node.value)
        case ast.Call():
            return _call(c, node, node.value)
    value = c.look(node.value)
    if not value.bad:
        c.error(
            "no-effect",
            node,
            "this line computes something and forgets it",
            "assign it, return it or remove it",
        )
    return []


def _call(c: FunctionCheck, node: ast.Expr, call: ast.Call) -> list[Stmt]:
    value = c.take(call)
    if value.bad:
        return []
    if value.own == OWNED:
        c.error(
            "lost-packet",
            node,
            "the packet of this call is lost: nothing owns it",
            "give it a name, test it for None, then drop, push or return it",
        )
        return []
    return [tree.ExprStmt(span=span_of(node), value=value.expr)]


def _drop(c: FunctionCheck, call: ast.Call) -> list[Stmt]:
    spec = HELPERS["drop"]
    c.use("drop", spec.allowed, call)
    if not 1 <= len(call.args) <= 2 or call.keywords:
        c.error(
            "arguments",
            call,
            f"drop takes a packet and at most a reason, got {len(call.args)}",
            'write drop(skb) or drop(skb, "reason")',
        )
        return []
    reason = _reason(c, call.args[1]) if len(call.args) == 2 else 0
    expr = consume(c, call.args[0], "drop", f"dropped in line {call.lineno}")
    return [] if expr is None else [tree.Drop(span=span_of(call), skb=expr, reason=reason)]


def _reason(c: FunctionCheck, node: ast.expr) -> int:
    match node:
        case ast.Constant(value=str() as text) if (
            0 < len(text) <= limits.REASON_BYTES_MAX and "\n" not in text
        ):
            reasons = c.whole.reasons
            if text not in reasons:
                reasons.append(text)
                if len(reasons) == limits.REASONS_MAX + 2:
                    c.error(
                        "too-many-declarations",
                        node,
                        f"a program has at most {limits.REASONS_MAX} reasons",
                        "use one reason for similar drops",
                    )
            return reasons.index(text)
    c.error(
        "reason",
        node,
        f"a reason is a string literal of 1 to {limits.REASON_BYTES_MAX} characters on one line",
        'write drop(skb, "over limit")',
    )
    return 0


def _trace(c: FunctionCheck, call: ast.Call) -> list[Stmt]:
    c.use("trace", HELPERS["trace"].allowed, call)
    args = tuple(c.integer(arg, "a traced value") for arg in call.args[1:])
    match call.args[:1]:
        case [ast.Constant(value=str() as text)] if not call.keywords:
            position = _format(c, call, text, len(args))
            return [tree.Trace(span=span_of(call), format=position, args=args)]
    c.error("trace-format", call, "trace begins with a string literal", 'write trace("x is %d", x)')
    return []


def _format(c: FunctionCheck, call: ast.Call, text: str, count: int) -> int:
    kinds = [kind for kind in _DIRECTIVE.findall(text) if kind != "%"]
    for kind in kinds:
        if kind not in ("d", "u", "x"):
            c.error(
                "trace-format", call, f'"%{kind}" is not known to trace', "write %d, %u, %x or %%"
            )
    if len(kinds) != count:
        c.error(
            "trace-format",
            call,
            f"the format has {len(kinds)} values, got {count}",
            "give one int for each %d, %u or %x",
        )
    if count > limits.TRACE_ARGS_MAX:
        c.error(
            "trace-format",
            call,
            f"trace takes at most {limits.TRACE_ARGS_MAX} ints, got {count}",
            "write two lines",
        )
    formats = c.whole.formats
    if text not in formats:
        formats.append(text)
        if len(formats) == limits.FORMATS_MAX + 1:
            c.error(
                "too-many-declarations",
                call,
                f"a program has at most {limits.FORMATS_MAX} trace formats",
                "use one format for similar lines",
            )
    return formats.index(text)
