"""FunctionCheck: everything the checker knows while it walks through one function."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from sandbox.language import calls, conditions, expressions, limits, map_calls, operands, statements
from sandbox.language.flow import BORROWED, GONE, LOST, MAYBE, OWNED, Loop, State, Value, Var, join
from sandbox.language.report import Report, span_of
from sandbox.language.scope import Scope
from sandbox.language.tree import Const, Expr, Kind, Span, Stmt, Type

NEVER: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Use:
    """Something a function uses that is not allowed everywhere."""

    what: str
    allowed: frozenset[str]
    span: Span
    hint: str = ""


@dataclass(slots=True)
class Summary:
    """What callers must know of a function: its type, and what it does to packets and maps."""

    name: str
    params: tuple[tuple[str, Type], ...] = ()
    owned: frozenset[str] = frozenset()  # parameters it takes
    writes: set[str] = field(default_factory=set)  # packet parameters it writes fields of
    returns: Type | None = None
    own: str = ""
    maps: frozenset[str] = frozenset()  # of a borrowed result
    verdicts: frozenset[str] = frozenset()
    changes: set[str] = field(default_factory=set)  # maps it may insert into or remove from
    uses: list[Use] = field(default_factory=list)
    calls: dict[str, Span] = field(default_factory=dict)


@dataclass(slots=True)
class Whole:
    """What is collected over all functions of a program."""

    summaries: dict[str, Summary] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=lambda: [""])
    formats: list[str] = field(default_factory=list)
    methods: dict[str, set[str]] = field(default_factory=dict)
    work: int = 0


class TooComplex(Exception):
    """The budget of visits is used up."""


@dataclass(slots=True)
class FunctionCheck:
    """The walk through one function; `state` is None where no path leads."""

    scope: Scope
    report: Report
    whole: Whole
    role: str
    summary: Summary
    globals: set[str]
    locals: set[str]
    state: State | None = field(default_factory=dict)
    declared: dict[str, Type] = field(default_factory=dict)
    iterating: list[str] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    has_ctx: bool = False
    entry_packet: str = ""  # the packet an entry point was called with
    reached: set[ast.stmt] = field(default_factory=set)
    skipped: set[ast.stmt] = field(default_factory=set)
    returns: list[tuple[Value | None, Span]] = field(default_factory=list)

    # --- walking ---

    def tick(self, steps: int = 1) -> None:
        """Count visits, of nodes or of locals where states are copied and joined, against the budget."""
        self.whole.work += steps
        if self.whole.work > limits.WORK_MAX:
            raise TooComplex

    def look(self, node: ast.expr) -> Value:
        """Check an expression whose packet, if it is one, stays with its owner."""
        value = expressions.expression(self, node)
        if value.own == OWNED and not isinstance(node, ast.Name):
            self.error(
                "lost-packet",
                node,
                "the packet of this call is lost: nothing owns it",
                "give it a name first, then test it for None",
            )
            return replace(value, own=LOST)
        return value

    def take(self, node: ast.expr) -> Value:
        """Check an expression whose packet moves to whoever asked."""
        return expressions.taken(self, node)

    def integer(self, node: ast.expr, what: str) -> Expr:
        """Check an expression that must be an int or a bool."""
        return operands.integer(self, node, what)

    def test(self, node: ast.expr) -> tuple[Expr, State | None, State | None]:
        """Check a condition; return it with the states where it is true and where it is false."""
        return conditions.condition(self, node)

    def call(self, node: ast.Call) -> Value:
        """Check a call."""
        return calls.call(self, node)

    def map_bytes(self, node: ast.Attribute, name: str, index: ast.expr | None) -> Value:
        """Check `map.bytes` or `map[index].bytes`."""
        return map_calls.map_bytes(self, node, name, index)

    def map_item(self, node: ast.Subscript, name: str) -> Value:
        """Check `map[key]` used as a value."""
        return map_calls.map_item(self, node, name)

    def block(self, body: list[ast.stmt]) -> tuple[Stmt, ...]:
        """Check the statements of a block."""
        return statements.block(self, body)

    # --- state ---

    @property
    def here(self) -> State:
        """Return the state of the point being checked, which some path reaches."""
        assert self.state is not None
        return self.state

    def get(self, name: str) -> Var | None:
        """Return what is known of a local here."""
        return self.here.get(name)

    def put(self, name: str, var: Var) -> None:
        """Set what is known of a local from here on."""
        self.here[name] = var

    def copy(self) -> State:
        """Return a copy of the state for another path."""
        self.tick(len(self.here) // 8)
        return dict(self.here)

    def join(
        self,
        left: State | None,
        right: State | None,
        place: ast.AST | Span,
        where: str = "they meet",
    ) -> State | None:
        """Return the state where two paths meet, reporting packets they disagree on."""

        def disagree(name: str, one: Var | None, other: Var | None) -> None:
            gone = one if one is None or not one.must_go else other
            went = gone.why if gone is not None and gone.why else "not"
            self.error(
                "paths-disagree",
                place,
                f"{name} is still owned on one path and {went} on another where {where}",
                "end one of the paths with a return, or treat the packet alike on both",
            )

        self.tick(len(left or ()) + len(right or ()))
        return join(left, right, disagree)

    def spend(self, name: str, why: str) -> None:
        """Note that the local's packet went to somebody else."""
        var = self.get(name)
        if var is not None and var.own != LOST:
            self.put(name, replace(var, own=GONE, why=why, on=""))

    def give_up(self, name: str) -> None:
        """Stop judging a packet whose fate was reported already."""
        var = self.get(name)
        if var is not None and var.own:
            self.put(name, replace(var, own=LOST))

    def pushed(self, name: str, into: str, why: str) -> None:
        """Note that the local's packet is in a map now: it can be read until that map changes."""
        var = self.get(name)
        if var is not None and var.own != LOST:
            self.put(name, replace(var, own=BORROWED, why=why, on="", maps=frozenset({into})))

    def settle(self, state: State | None, flag: str, pushed: bool) -> State | None:
        """Return the state once the outcome of the push kept in `flag` is known."""
        if state is None:
            return None
        for name, var in state.items():
            if var.own == MAYBE and var.on == flag:
                if pushed:
                    state[name] = replace(var, own=BORROWED, on="")
                else:
                    state[name] = replace(var, own=OWNED, on="", why="on the path where push fails")
        return state

    # --- reporting ---

    def error(
        self,
        slug: str,
        place: ast.AST | Span,
        message: str,
        hint: str = "",
        fix: tuple[str, Span, str] | None = None,
    ) -> None:
        """Report an error; `fix` is (title, range, replacement)."""
        self.report.add(slug, place, message, hint, fix=fix)

    def use(self, what: str, allowed: frozenset[str], place: ast.AST, hint: str = "") -> None:
        """Note a use that the entry points reaching this function must allow."""
        self.summary.uses.append(Use(what, allowed, span_of(place), hint))

    def note_write(self, name: str) -> None:
        """Note that a lent packet is written; through another name it may be any of those lent."""
        lent = {param for param, kind in self.summary.params if kind.kind is Kind.SKB}
        self.summary.writes |= {name} & lent or lent - self.summary.owned

    def bad(self, node: ast.AST) -> Value:
        """Return a value that stands for an expression already reported."""
        return Value(Const(span=span_of(node), type=Type(Kind.INT), value=None), bad=True)
