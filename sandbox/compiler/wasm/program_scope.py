"""Scope: what the translation of one function of a program knows: its locals, its frame, the core around it."""

from __future__ import annotations

from typing import Any

from sandbox.compiler.records import CLASSES, RECORD_KINDS, Provenance, Sources
from sandbox.compiler.wasm import code, library
from sandbox.compiler.wasm.code import I32, Node
from sandbox.compiler.wasm.dialect_call import call, method
from sandbox.compiler.wasm.environment import Env
from sandbox.compiler.wasm.frame import CLASS_TABLE, INSTANCE, WORDS, Frame, frame_of, map_thing
from sandbox.compiler.wasm.function import Function
from sandbox.compiler.wasm.source import source_of
from sandbox.compiler.wasm.types import INT, OPTIONAL_INT, VOID, T, record_type
from sandbox.compiler.wasm.unit import Unit
from sandbox.compiler.wasm.values import Known, V, integer, one
from sandbox.core.ctx import Ctx
from sandbox.core.skb import Skb
from sandbox.language import tree
from sandbox.language.maps import is_tree
from sandbox.language.tree import Kind
from sandbox.language.walk import walk

LARGE_NODES = 1000  # of a function; more than twice the largest of the library has
SKB, CTX = record_type(Skb), record_type(Ctx)
_TYPES = {
    Kind.SKB: SKB,
    Kind.OPTIONAL_SKB: SKB,
    Kind.CTX: CTX,
    Kind.OPTIONAL_INT: OPTIONAL_INT,
    Kind.NONE: VOID,
    Kind.VOID: VOID,
}


def type_of(kind: Kind) -> T:
    """Return the type of a value of the language; a record is the index of its first word, None is −1."""
    return _TYPES.get(kind, INT)


class Facts:
    """What the translation knows of the whole program."""

    def __init__(
        self, program: tree.Program, unit: Unit, *, traced: bool, line_cells: int = 0
    ) -> None:
        self.program = program
        self.unit = unit
        self.traced = traced
        self.provenance = Provenance(program)
        self.frame: Frame = frame_of(program, line_cells)
        self.maps = {m.name: m for m in program.maps}
        self.functions = {f.name: f for f in program.functions}
        self.sizes = {f.name: sum(1 for _ in walk(f.body)) for f in program.functions}
        self.called: list[str] = []  # functions that are not written out where they are called
        self.param_index = {p.name: i for i, p in enumerate(program.params)}
        self.global_index = {g.name: i for i, g in enumerate(program.globals)}
        records = [*program.records, *([program.class_record] if program.class_record else [])]
        self.fields = {(r.name, f.name): f for r in records for f in r.fields}


class Scope:
    """One function being translated; local 0 is the frame.

    It may be written out `within` another; its returns then set `result_locals` and go to `result_label`.
    """

    def __init__(
        self, facts: Facts, function: tree.Function, *, within: Scope | None = None
    ) -> None:
        self.facts = facts
        self.function = function
        self.fn: Function = Function() if within is None else within.fn
        self.env = Env(facts.unit, self.fn, _NOWHERE, ())
        self.frame: Node = within.frame if within is not None else (code.GET, self.fn.local(I32))
        self.result_label = 0
        self.result_locals: list[int] = []
        self.written_out = within is not None
        self.kinds = {name: t.kind for name, t in (*function.params, *function.locals)}
        self.vars: dict[str, tuple[T, list[int]]] = {}
        self.loops: list[tuple[int, int]] = []
        self.large = facts.sizes[function.name] > LARGE_NODES
        for name, t in function.params:
            self.declare(name, type_of(t.kind))

    def declare(self, name: str, t: T) -> tuple[T, list[int]]:
        """Return a local variable, made when there is none of this name."""
        if name not in self.vars:
            known = type_of(self.kinds[name]) if name in self.kinds else t
            take = self.fn.locals_for if self.written_out else self.fn.variables_for
            self.vars[name] = known, take(known)
        return self.vars[name]

    def local(self, name: str) -> V:
        """Return the value of a local variable."""
        t, locals_ = self.declare(name, INT)
        return V(t, tuple((code.GET, at) for at in locals_))

    def kind_of(self, expr: tree.Expr) -> Kind:
        """Return how an expression's value is represented; a narrowed local keeps its declared form."""
        if isinstance(expr, tree.Local) and expr.name in self.kinds:
            return self.kinds[expr.name]
        return expr.type.kind

    def sources(self, expr: tree.Expr) -> Sources:
        """Return the tables an expression's record may belong to."""
        return self.facts.provenance.of(expr, self.function.name)

    # --- the frame

    def thing(self, name: str) -> V:
        """Return what lies behind the frame under a name."""
        t, offset = self.facts.frame.things[name]
        return one(t, (code.AT, self.frame[1], offset))

    def instance(self) -> V:
        """Return the instance."""
        return self.thing(INSTANCE)

    def map(self, name: str) -> V:
        """Return a map."""
        v = self.thing(map_thing(name))
        return V(v.t, v.parts, known=known_of(self.facts.maps[name]))

    def words_list(self, source: str) -> V:
        """Return the list of a table's words."""
        return self.thing((CLASS_TABLE if source == CLASSES else map_thing(source)) + WORDS)

    def words(self, source: str) -> Node:
        """Return the address of a table's words."""
        return code.load(I32, 8, self.words_list(source).node)

    def of_instance(self, name: str, *args: V) -> V:
        """Call a method of the instance."""
        return method(self.env, self.instance(), name, list(args))

    def core(self, function: Any, *args: V) -> V:
        """Call a function of the core or library."""
        return call(self.env, source_of(function), list(args))

    # --- faults and wraps

    def faulting(self, what: int, line: int, number: V | None = None) -> list[Node]:
        """Return the statements that end the run."""
        with self.fn.collected() as made:
            self.core(library.fault, integer(what), integer(line), number or integer(0))
            self.fn.emit((code.TRAP,))
        return made

    def wrapped_when(self, test: Node, line: int) -> None:
        """Note that an int wrapped in a line, when it did."""
        with self.fn.collected() as made:
            self.of_instance("wrapped", integer(line))
        self.fn.emit((code.IF, test, made, []))


def known_of(declared: tree.MapDecl) -> Known:
    """Return the fields of a map that its declaration and its uses decide."""
    if declared.kind in ("Queue", "Stack"):
        return (("stack", int(declared.kind == "Stack")),)
    if declared.kind == "SkbMap":
        return (("bound", 0), *known_of_inner(declared))
    return ()


def known_of_inner(declared: tree.MapDecl) -> Known:
    """Return the fields of the maps in a map of maps that are decided too."""
    return () if is_tree(declared) else (("tree", 0),)


class _Nowhere:
    """Stands for the source of a program's function, which is not in the dialect."""

    name = "program"
    module = None


_NOWHERE: Any = _Nowhere()


def is_record(kind: Kind) -> bool:
    """Whether values of this kind are indices of records."""
    return kind in RECORD_KINDS
