"""Source: the syntax trees of the dialect's functions and methods, found from the live objects."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass, field
from functools import cache
from types import FunctionType
from typing import Any

from sandbox.compiler.wasm.types import T, of_node, record_type


@dataclass(frozen=True, eq=False)
class Source:
    """One function: its tree, its module, the record it is a method of."""

    name: str
    node: ast.FunctionDef
    module: Any
    record: type | None
    size: int
    assigned: frozenset[str] = field(default_factory=frozenset)

    @property
    def params(self) -> list[str]:
        """Return the names of the parameters."""
        return [arg.arg for arg in self.node.args.args]

    def param_types(self) -> list[T | None]:
        """Return the types of the parameters; None for one without annotation."""
        found: list[T | None] = []
        for arg in self.node.args.args:
            if arg.arg == "self" and self.record is not None:
                found.append(record_type(self.record))
            else:
                found.append(of_node(arg.annotation, self.module) if arg.annotation else None)
        return found

    def result(self) -> T | None:
        """Return the type of the result, None when there is no annotation."""
        return of_node(self.node.returns, self.module) if self.node.returns else None


@cache
def _of_module(name: str) -> dict[str, Source]:
    module = sys.modules[name]
    found: dict[str, Source] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = _source(node.name, node, module, None)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    name = f"{node.name}.{inner.name}"
                    found[name] = _source(name, inner, module, getattr(module, node.name))
    return found


def _source(name: str, node: ast.FunctionDef, module: Any, record: type | None) -> Source:
    assigned = set()
    size = 0
    for one in ast.walk(node):
        size += 1
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            assigned.add(one.id)
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        del node.body[0]  # the docstring
    return Source(name, node, module, record, size, frozenset(assigned))


def source_of(function: Any) -> Source:
    """Return the source of a live function."""
    assert isinstance(function, FunctionType)
    return _of_module(function.__module__)[function.__qualname__]


def method_of(record: type, name: str) -> Source:
    """Return the source of a record's method."""
    return _of_module(record.__module__)[f"{record.__name__}.{name}"]
