"""Scope: what the lowering of one function knows and hands out."""

from __future__ import annotations

import ast

from sandbox.compiler import nodes
from sandbox.compiler.names import TEMPORARY, Registry
from sandbox.compiler.records import CLASSES, RECORD_KINDS, Provenance, Sources
from sandbox.language import tree
from sandbox.language.tree import Kind


class Facts:
    """What the lowering knows of the whole program."""

    def __init__(self, program: tree.Program, *, traced: bool, counts: bool) -> None:
        self.program = program
        self.traced = traced
        self.counts = counts
        self.registry = Registry()
        self.provenance = Provenance(program)
        self.maps = {m.name: m for m in program.maps}
        self.functions = {f.name: f for f in program.functions}
        self.param_index = {p.name: i for i, p in enumerate(program.params)}
        self.global_index = {g.name: i for i, g in enumerate(program.globals)}
        records = [*program.records, *([program.class_record] if program.class_record else [])]
        self.fields = {(r.name, f.name): f for r in records for f in r.fields}
        words = {r.name: r.words for r in records}
        self.widths = {m.name: words.get(m.value, 1) for m in program.maps}


class Scope:
    """One function being lowered: its types, the globals it assigns, its temporaries."""

    def __init__(self, facts: Facts, function: tree.Function) -> None:
        self.facts = facts
        self.function = function
        self.types = dict((*function.params, *function.locals))
        self.assigned_globals: set[str] = set()
        self._temporaries = 0

    def use(self, kind: str, name: str, map_name: str = "") -> str:
        """Return the name of something of ours, noting that it is used."""
        return self.facts.registry.use(kind, name, map_name)

    def temporary(self) -> str:
        """Return a local name that nothing else uses."""
        self._temporaries += 1
        return f"{TEMPORARY}{self._temporaries}"

    def kind_of(self, expr: tree.Expr) -> Kind:
        """Return how an expression's value is represented; a narrowed local keeps its declared form."""
        if isinstance(expr, tree.Local) and expr.name in self.types:
            return self.types[expr.name].kind
        return expr.type.kind

    def sources(self, expr: tree.Expr) -> Sources:
        """Return the tables an expression's record may belong to."""
        return self.facts.provenance.of(expr, self.function.name)

    def words(self, source: str) -> ast.expr:
        """Return the words of a table."""
        return nodes.name(self.use("words", "classes" if source == CLASSES else "", source))

    def table_number(self, source: str) -> int:
        """Return a table's number among the program's tables."""
        return self.facts.provenance.tables.index(source)


def is_simple(expr: tree.Expr) -> bool:
    """Whether the expression can be read at any later time, or twice: nothing between changes it."""
    return isinstance(expr, tree.Local | tree.Const | tree.VerdictConst)


def is_record(kind: Kind) -> bool:
    """Whether values of this kind are indices of records."""
    return kind in RECORD_KINDS
