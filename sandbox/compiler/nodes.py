"""Constructors of the Python ``ast`` nodes that lowered code is made of; there are few on purpose."""

from __future__ import annotations

import ast

_COMPARE: dict[str, type[ast.cmpop]] = {
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
    "==": ast.Eq,
    "!=": ast.NotEq,
    "is": ast.Is,
    "is not": ast.IsNot,
}
_BINARY: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "//": ast.FloorDiv,
    "%": ast.Mod,
    "<<": ast.LShift,
    ">>": ast.RShift,
    "&": ast.BitAnd,
    "|": ast.BitOr,
    "^": ast.BitXor,
}
_UNARY: dict[str, type[ast.unaryop]] = {"-": ast.USub, "~": ast.Invert, "not": ast.Not}


def name(identifier: str) -> ast.expr:
    """Return a read of a name."""
    return ast.Name(identifier, ast.Load())


def const(value: int | None) -> ast.expr:
    """Return a literal; negative ints are folded by CPython."""
    if value is not None and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def call(function: str, *args: ast.expr) -> ast.expr:
    """Return `function(args)`."""
    return ast.Call(name(function), list(args), [])


def binary(op: str, left: ast.expr, right: ast.expr) -> ast.expr:
    """Return `left op right`."""
    return ast.BinOp(left, _BINARY[op](), right)


def unary(op: str, operand: ast.expr) -> ast.expr:
    """Return `op operand`."""
    return ast.UnaryOp(_UNARY[op](), operand)


def chain(first: ast.expr, *pairs: tuple[str, ast.expr]) -> ast.expr:
    """Return `first op1 a op2 b …`."""
    return ast.Compare(first, [_COMPARE[op]() for op, _ in pairs], [expr for _, expr in pairs])


def compare(left: ast.expr, op: str, right: ast.expr) -> ast.expr:
    """Return `left op right`, a Python bool."""
    return chain(left, (op, right))


def either(test: ast.expr, then: ast.expr, orelse: ast.expr) -> ast.expr:
    """Return `then if test else orelse`."""
    return ast.IfExp(test, then, orelse)


def logic(op: str, values: list[ast.expr]) -> ast.expr:
    """Return `a and b and …` or `a or b or …`."""
    return ast.BoolOp(ast.And() if op == "and" else ast.Or(), values)


def keep(target: str, value: ast.expr) -> ast.expr:
    """Return `(target := value)`."""
    return ast.NamedExpr(ast.Name(target, ast.Store()), value)


def pair(first: ast.expr, second: ast.expr) -> ast.expr:
    """Return `(first, second)`."""
    return ast.Tuple([first, second], ast.Load())


def many(items: list[ast.expr]) -> ast.expr:
    """Return a tuple."""
    return ast.Tuple(items, ast.Load())


def item(words: ast.expr, index: ast.expr) -> ast.expr:
    """Return `words[index]`."""
    return ast.Subscript(words, index, ast.Load())


def assign(target: str, value: ast.expr) -> ast.stmt:
    """Return `target = value`."""
    return ast.Assign([ast.Name(target, ast.Store())], value)


def assign_item(words: ast.expr, index: ast.expr, value: ast.expr) -> ast.stmt:
    """Return `words[index] = value`."""
    return ast.Assign([ast.Subscript(words, index, ast.Store())], value)


def when(test: ast.expr, body: list[ast.stmt]) -> ast.stmt:
    """Return `if test: body`."""
    return ast.If(test, body, [])


def define(identifier: str, params: list[str], body: list[ast.stmt], line: int) -> ast.stmt:
    """Return `def identifier(params): body`."""
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(param) for param in params],
        vararg=None,
        kwonlyargs=[],
        kw_defaults=[],
        kwarg=None,
        defaults=[],
    )
    function = ast.FunctionDef(identifier, arguments, body, [], None)
    function.lineno = function.end_lineno = line
    function.col_offset = function.end_col_offset = 0
    if "type_params" in ast.FunctionDef._fields:  # Python 3.12 and later
        setattr(function, "type_params", [])  # noqa: B010 - unknown to the 3.11 stubs
    return function


def at_line(statement: ast.stmt, line: int) -> ast.stmt:
    """Return the statement placed on a line of the program, so that tracebacks name it."""
    statement.lineno = statement.end_lineno = line
    statement.col_offset = statement.end_col_offset = 0
    return statement
