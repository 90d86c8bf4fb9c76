"""The reference back end: a checked program becomes CPython code that runs against the core.

Stages: `lower` (neutral tree → Python ``ast``), `guard` (RestrictedPython, the second gate), `bind` (one namespace an
instance). docs/compiler.md shows each with an example.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType

from sandbox.compiler.bind import Binder
from sandbox.compiler.guard import compile_guarded
from sandbox.compiler.lower import lower
from sandbox.compiler.names import Bound, function, variable
from sandbox.compiler.runtime import Entries, Runtime
from sandbox.language import tree
from sandbox.language.walk import walk

ENTRY_ROLES = ("enqueue", "dequeue", "peek", "init", "reset", "timer", "egress", "classify")
COMPILE_DEPTH = (
    12_000  # frames; the checker bounds nesting, each level costs the passes below several
)


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled program, ready to be instantiated any number of times."""

    program: tree.Program
    code: CodeType
    bound: dict[str, Bound]
    tables: list[str]
    traced: bool
    counts: bool

    @property
    def uses_cb(self) -> bool:
        """Whether the program reads or writes `skb.cb`."""
        return any(what.name in ("load_cb", "store_cb") for what in self.bound.values())

    def instantiate(self, runtime: Runtime) -> Entries:
        """Return the callables of a new instance with these maps and parameters."""
        counts = [0] * line_cells(self.program) if self.counts else []
        namespace = Binder(runtime, self.tables, counts).namespace(self.bound)
        names = {var.name: variable(var.name) for var in self.program.globals}
        for var in self.program.globals:
            namespace[names[var.name]] = int(var.initial)
        # A copy of the code for each instance: CPython's inline caches hold for one namespace.
        exec(_copy(self.code), namespace)
        entries = Entries(namespace=namespace, global_names=names, counts=counts)
        for declared in self.program.functions:
            made = namespace[function(declared.name)]
            if declared.role in ENTRY_ROLES:
                setattr(entries, declared.role, made)
            elif declared.role == "comparator":
                entries.comparators[declared.name] = made
        return entries


def compile_program(program: tree.Program, *, traced: bool, counts: bool = False) -> Code:
    """Compile a checked program; `traced` code also shows globals and records in the trace."""
    with _deep_recursion():
        module, facts = lower(program, traced=traced, counts=counts)
        registry = facts.registry
        code = compile_guarded(
            module,
            program.name,
            callable_names=registry.calls(),
            list_names=registry.lists(),
        )
    return Code(program, code, dict(registry.bound), facts.provenance.tables, traced, counts)


def lowered_text(program: tree.Program, *, traced: bool = False, counts: bool = False) -> str:
    """Return the lowered program as Python text, for people; it is never parsed again."""
    module, _ = lower(program, traced=traced, counts=counts)
    return ast.unparse(module)


def line_cells(program: tree.Program) -> int:
    """Return how many counters a program needs so that each line has one at its number."""
    last = max((f.span.end_line for f in program.functions), default=0) + 1
    return max(program.source.count("\n") + 2, last)


def statement_lines(program: tree.Program) -> list[int]:
    """Return the lines that have a statement, in order: those that line counts can name."""
    bodies = (node for f in program.functions for node in walk(f.body))
    return sorted({node.span.line for node in bodies if isinstance(node, tree.Stmt)})


def _copy(code: CodeType) -> CodeType:
    constants = tuple(_copy(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_consts=constants)


@contextmanager
def _deep_recursion() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, COMPILE_DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
