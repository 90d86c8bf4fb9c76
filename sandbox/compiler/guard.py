"""The second gate: RestrictedPython's transformer over the lowered tree, with a policy stricter than its own.

It knows nothing of our checker and trusts nothing of our lowering: whatever reaches it may be built of local names,
ints, None, arithmetic, branches, loops, calls of the names it is told of and items of the lists it is told of, and
of nothing else. RestrictedPython itself checks every name and node as well.
"""

from __future__ import annotations

import ast
import re
from types import CodeType
from typing import Any

from RestrictedPython.compile import compile_restricted_exec
from RestrictedPython.transformer import RestrictingNodeTransformer

_OWN_NAME = re.compile(r"(?:[udg]r?_\w+|t\d+)\Z")
_FUNCTION_NAME = re.compile(r"dr?_\w+\Z")
_LOCAL_NAME = re.compile(r"(?:ur?_\w+|t\d+)\Z")

ALLOWED = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Global, ast.Return, ast.Pass),
    *(ast.Assign, ast.Expr, ast.If, ast.While, ast.For, ast.Break, ast.Continue),
    *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.Tuple, ast.Call, ast.Subscript),
    *(ast.NamedExpr, ast.IfExp, ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.UnaryOp, ast.BinOp),
    *(ast.USub, ast.Invert, ast.Not, ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod),
    *(ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr, ast.BitXor, ast.Is, ast.IsNot),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
)


class GuardError(Exception):
    """The second gate refused a lowered program: a fault of ours, never the user's."""


class Policy(RestrictingNodeTransformer):
    """RestrictedPython's transformer without everything that lowered code has no use for."""

    callable_names: frozenset[str] = frozenset()
    list_names: frozenset[str] = frozenset()

    def visit(self, node: ast.AST) -> Any:
        """Refuse a node that is not in the short list before RestrictedPython looks at it."""
        if not isinstance(node, ALLOWED):
            self.not_allowed(node)
            return node
        return super().visit(node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        """Allow ints and None only; no text ever."""
        if node.value is not None and type(node.value) is not int:
            self.error(node, f"{type(node.value).__name__} literals are not allowed.")
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        """Allow lowered names of the program, and reads of the names we bind."""
        ours = node.id in self.callable_names or node.id in self.list_names
        if not (_OWN_NAME.match(node.id) or (ours and isinstance(node.ctx, ast.Load))):
            self.error(node, f'"{node.id}" is not a name of lowered code.')
        return super().visit_Name(node)

    def visit_Call(self, node: ast.Call) -> Any:
        """Allow calls by name, of what we bind and of the program's functions, positional only."""
        function = node.func
        if not isinstance(function, ast.Name) or not (
            function.id in self.callable_names or _FUNCTION_NAME.match(function.id)
        ):
            self.error(node, "only functions of the program and bound names can be called.")
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            self.error(node, "only plain positional arguments are allowed.")
        return super().visit_Call(node)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        """Allow items of the lists we bind, and of lists inside those; no slices, no other objects."""
        inner = node.value
        if isinstance(inner, ast.Subscript) and isinstance(node.ctx, ast.Load | ast.Store):
            inner = inner.value
        if not isinstance(inner, ast.Name) or inner.id not in self.list_names:
            self.error(node, "only the words of tables can be subscripted.")
        return self.node_contents_visit(node)

    def visit_For(self, node: ast.For) -> Any:
        """Allow loops over a bound walk, into one local."""
        if not isinstance(node.iter, ast.Call) or node.orelse:
            self.error(node, "only bound walks can be iterated.")
        if not isinstance(node.target, ast.Name):
            self.error(node, "a loop has one target.")
        return self.node_contents_visit(node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Allow single names and items as targets, no unpacking."""
        if not all(isinstance(target, ast.Name | ast.Subscript) for target in node.targets):
            self.error(node, "only names and items can be assigned.")
        return self.node_contents_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Allow plain functions: no decorators, defaults, annotations or inner functions."""
        arguments = node.args
        plain = not (
            node.decorator_list
            or node.returns
            or arguments.defaults
            or arguments.kwonlyargs
            or arguments.vararg
            or arguments.kwarg
            or arguments.posonlyargs
        )
        names = [arg.arg for arg in arguments.args]
        if not plain or not _FUNCTION_NAME.match(node.name):
            self.error(node, "only plain functions of the program are allowed.")
        if not all(_LOCAL_NAME.match(name) for name in names):
            self.error(node, "a parameter has a name that is not the program's.")
        return super().visit_FunctionDef(node)


def compile_guarded(
    module: ast.Module, name: str, *, callable_names: set[str], list_names: set[str]
) -> CodeType:
    """Return the code of a lowered module that the second gate accepts; raise GuardError otherwise."""

    class ProgramPolicy(Policy):
        """The policy with this program's names."""

    ProgramPolicy.callable_names = frozenset(callable_names)
    ProgramPolicy.list_names = frozenset(list_names)
    result = compile_restricted_exec(module, f"<{name}>", policy=ProgramPolicy)
    if result.code is None:
        raise GuardError(f"{name}: " + "; ".join(result.errors))
    return result.code
