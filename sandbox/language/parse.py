"""Parse: from scanned text to Python's tree, bounded in size and depth, with only the nodes we know."""

from __future__ import annotations

import ast
import re
import warnings

from sandbox.language import limits
from sandbox.language.constructs import refusal
from sandbox.language.report import WHOLE, Report, span_of
from sandbox.language.tree import Span
from sandbox.language.walk import fields_below

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
NAME_LENGTH_MAX = 64
_NAMED = frozenset(
    [ast.Name, ast.Attribute, ast.FunctionDef, ast.ClassDef, ast.arg, ast.keyword, ast.Global]
)


def parse(text: str, report: Report) -> ast.Module | None:
    """Return the tree, or None after reporting why there is none to look at."""
    module = _python_tree(text, report)
    if module is None:
        return None
    nodes = _within_limits(module, report)
    if nodes is None:
        return None
    _check_nodes(nodes, report)
    return module


def _python_tree(text: str, report: Report) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text, filename="<program>")
    except SyntaxError as error:
        line = min(max(error.lineno or 1, 1), text.count("\n") + 1)
        column = max(error.offset or 1, 1)
        message = (error.msg or "invalid syntax").rstrip(".")
        report.add(
            "syntax",
            Span(line, column, line, column + 1),
            f"this is not Python: {message[:1].lower()}{message[1:200]}",
            "look at the brackets, colons and indents here and just before",
        )
    except (ValueError, MemoryError, RecursionError, OverflowError):
        report.add(
            "nesting-too-deep",
            WHOLE,
            "the program is nested too deeply to be read",
            "give inner parts a name on a line of their own",
        )
    return None


def _within_limits(module: ast.Module, report: Report) -> list[ast.AST] | None:
    """Return every node but operators and contexts; None when they are too many or too deep, which is then reported."""
    nodes: list[ast.AST] = []
    todo: list[tuple[ast.AST, int]] = [(module, 0)]
    while todo:
        node, depth = todo.pop()
        nodes.append(node)
        if depth > limits.DEPTH_MAX:
            report.add(
                "nesting-too-deep",
                node,
                f"expressions and blocks are nested more than {limits.DEPTH_MAX} deep here",
                "give inner parts a name on a line of their own",
            )
            return None
        if len(nodes) > limits.NODES_MAX:
            report.add(
                "too-many-nodes",
                WHOLE,
                f"the program has more than {limits.NODES_MAX} parts",
                "shorten it",
            )
            return None
        for name in fields_below(type(node)):
            part = getattr(node, name, None)
            if type(part) is list:
                # An elif is as deep as its if.
                deeper = depth if name == "orelse" and _is_elif(node) else depth + 1
                todo += [(item, deeper) for item in part if isinstance(item, ast.AST)]
            elif isinstance(part, ast.AST):
                todo.append((part, depth + 1))
    return nodes


def _is_elif(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)


def _check_nodes(nodes: list[ast.AST], report: Report) -> None:
    """Refuse every construct outside the language, and names that could reach behind it."""
    for node in nodes:
        kind = type(node)
        _refuse(kind, node, report)
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            _refuse(type(node.op), node, report)
        if kind in _NAMED:
            for name in _names(node):
                _check_name(name, node, report)


def _refuse(kind: type[ast.AST], node: ast.AST, report: Report) -> None:
    found = refusal(kind.__name__)
    if found is not None:
        report.add("not-in-language", node, f"{found[0]} is not in this language", found[1])


def _names(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.Name():
            return (node.id,)
        case ast.Attribute():
            return (node.attr,)
        case ast.FunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.arg():
            return (node.arg,)
        case ast.keyword():
            return (node.arg,) if node.arg else ()
        case ast.Global():
            return tuple(node.names)
    return ()


def _check_name(name: str, node: ast.AST, report: Report) -> None:
    if _NAME.match(name) and "__" not in name and len(name) <= NAME_LENGTH_MAX:
        return
    span = span_of(node)
    report.add(
        "bad-name",
        span,
        f'"{name[:NAME_LENGTH_MAX]}" cannot be a name',
        f'names begin with a letter, have no "__" and at most {NAME_LENGTH_MAX} letters, digits and "_"',
    )
