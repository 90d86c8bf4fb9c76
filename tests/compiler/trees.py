"""Hand-made trees: short constructors, so that a test can say a program without text or checker."""

from __future__ import annotations

from sandbox.language import tree
from sandbox.language.tree import Kind, Type

INT = Type(Kind.INT)
BOOL = Type(Kind.BOOL)
SKB = Type(Kind.SKB)
MAYBE_SKB = Type(Kind.OPTIONAL_SKB)
MAYBE_INT = Type(Kind.OPTIONAL_INT)
VERDICT = Type(Kind.VERDICT)
CTX = Type(Kind.CTX)
VOID = Type(Kind.VOID)
NONE = Type(Kind.NONE)


def span(line: int = 1) -> tree.Span:
    return tree.Span(line, 1, line, 2)


def record(name: str) -> Type:
    return Type(Kind.RECORD, name)


def maybe_record(name: str) -> Type:
    return Type(Kind.OPTIONAL_RECORD, name)


def num(value: int, line: int = 1) -> tree.Expr:
    return tree.Const(span=span(line), type=INT, low=value, high=value, value=value)


def none() -> tree.Expr:
    return tree.Const(span=span(), type=NONE, value=None)


def var(
    name: str, type: Type = INT, low: int = tree.INT_MIN, high: int = tree.INT_MAX
) -> tree.Expr:
    return tree.Local(span=span(), type=type, name=name, low=low, high=high)


def op(
    left: tree.Expr, sign: str, right: tree.Expr, line: int = 1, wraps: bool = True
) -> tree.Expr:
    return tree.Binary(span=span(line), type=INT, op=sign, left=left, right=right, wraps=wraps)


def neg(operand: tree.Expr, sign: str = "-", line: int = 1) -> tree.Expr:
    return tree.Unary(
        span=span(line), type=BOOL if sign == "not" else INT, op=sign, operand=operand
    )


def cmp(first: tree.Expr, *rest: object) -> tree.Expr:
    signs = tuple(str(sign) for sign in rest[::2])
    operands = tuple(e for e in rest[1::2] if isinstance(e, tree.Expr))
    return tree.Compare(span=span(), type=BOOL, first=first, ops=signs, rest=operands)


def logic(sign: str, *values: tree.Expr) -> tree.Expr:
    return tree.BoolOp(span=span(), type=BOOL, op=sign, values=values)


def cond(test: tree.Expr, then: tree.Expr, orelse: tree.Expr, type: Type = INT) -> tree.Expr:
    return tree.IfExp(span=span(), type=type, test=test, then=then, orelse=orelse)


def helper(name: str, *args: tree.Expr, type: Type = INT, line: int = 1) -> tree.Expr:
    return tree.HelperCall(span=span(line), type=type, helper=name, args=args)


def verdict(name: str, line: int = 1) -> tree.Expr:
    return tree.VerdictConst(span=span(line), type=VERDICT, name=name)


def call(name: str, method: str, *args: tree.Expr, type: Type = INT, line: int = 1) -> tree.Expr:
    return tree.MapCall(span=span(line), type=type, map=name, method=method, index=None, args=args)


def let(name: str, value: tree.Expr, line: int = 1) -> tree.Stmt:
    return tree.Assign(span=span(line), name=name, value=value)


def ret(value: tree.Expr | None, line: int = 1) -> tree.Stmt:
    return tree.Return(span=span(line), value=value)


def function(
    name: str,
    body: list[tree.Stmt],
    params: tuple[tuple[str, Type], ...] = (),
    locals: tuple[tuple[str, Type], ...] = (),
    returns: Type = INT,
    role: str = "helper",
) -> tree.Function:
    return tree.Function(
        name=name,
        role=role,
        params=params,
        returns=returns,
        locals=locals,
        body=tuple(body),
        span=span(1),
    )


def program(*functions: tree.Function, **parts: object) -> tree.Program:
    empty: dict[str, object] = dict(
        name="test",
        title="",
        doc="",
        source="",
        params=(),
        records=(),
        class_record=None,
        globals=(),
        maps=(),
        reasons=("",),
        formats=(),
    )
    return tree.Program(functions=functions, **{**empty, **parts})  # type: ignore[arg-type]
