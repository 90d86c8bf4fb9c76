"""Lowering of a whole program: one Python module of plain functions, without attribute access."""

from __future__ import annotations

import ast

from sandbox.compiler import nodes
from sandbox.compiler.lower_stmt import block, burn, initial, returned
from sandbox.compiler.names import function as function_name
from sandbox.compiler.names import local
from sandbox.compiler.scope import Facts, Scope
from sandbox.compiler.unset import unset_locals
from sandbox.language import tree

BURNING_ROLES = ("helper", "comparator")


def lower(program: tree.Program, *, traced: bool, counts: bool) -> tuple[ast.Module, Facts]:
    """Return the lowered module and what was learned on the way, the names it uses included."""
    facts = Facts(program, traced=traced, counts=counts)
    body = [_function(facts, function) for function in program.functions]
    module = ast.Module(body, [])
    ast.fix_missing_locations(module)
    return module, facts


def _function(facts: Facts, function: tree.Function) -> ast.stmt:
    """Lower a function; helpers and comparators burn one unit of fuel when called."""
    scope = Scope(facts, function)
    body: list[ast.stmt] = [initial(scope, name) for name in unset_locals(function)]
    line = function.span.line
    if function.role in BURNING_ROLES:
        body += burn(scope, line)
    body += block(scope, function.body)
    ends = bool(function.body) and isinstance(function.body[-1], tree.Return)
    if function.role == "dequeue" and not ends:
        last = function.body[-1].span.end_line if function.body else line
        end = ast.Return(returned(scope, None, last))
        body.append(nodes.at_line(end, last))
    if scope.assigned_globals:
        declared = ast.Global(sorted(scope.assigned_globals))
        body.insert(0, nodes.at_line(declared, line))
    params = [local(name) for name, _ in function.params]
    return nodes.define(function_name(function.name), params, body, line)
