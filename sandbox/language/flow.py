"""Flow: what is known about every local at one point of a function, and what is known where paths meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sandbox.language.tree import INT_MAX, INT_MIN, Expr, Kind, Type

PACKETS = frozenset({Kind.SKB, Kind.OPTIONAL_SKB})
RECORDS = frozenset({Kind.RECORD, Kind.OPTIONAL_RECORD})
INTS = frozenset({Kind.INT, Kind.BOOL})
OPTIONAL = {
    Kind.SKB: Kind.OPTIONAL_SKB,
    Kind.RECORD: Kind.OPTIONAL_RECORD,
    Kind.INT: Kind.OPTIONAL_INT,
}
PRESENT = {optional: present for present, optional in OPTIONAL.items()}

# Who owns a packet variable's packet.
OWNED = "owned"  # this variable: it must be pushed, returned, handed on or dropped
GONE = "gone"  # somebody else: the variable is spent
MAYBE = "maybe"  # this variable unless the push kept in the local `on` succeeded
LENT = "lent"  # the caller of this helper: allowed fields may be written
BORROWED = "borrowed"  # a map or the child: read-only
ENDED = "ended"  # a borrow that has ended
LOST = "lost"  # reported already, no further complaints


@dataclass(frozen=True, slots=True)
class Var:
    """What is known of one local: its type here, its packet's owner, its interval, its verdicts."""

    kind: Kind
    record: str = ""
    own: str = ""
    on: str = ""
    why: str = ""
    maps: frozenset[str] = frozenset()
    low: int = INT_MIN
    high: int = INT_MAX
    verdicts: frozenset[str] = frozenset()
    assigned: bool = True

    @property
    def type(self) -> Type:
        """Return the type the variable has here."""
        return Type(self.kind, self.record, self.own in (BORROWED, ENDED))

    @property
    def must_go(self) -> bool:
        """Whether the variable holds a packet that still has to go somewhere."""
        return self.assigned and self.own in (OWNED, MAYBE) and self.kind is not Kind.NONE


State = dict[str, Var]
Disagree = Callable[[str, Var | None, Var | None], None]


@dataclass(slots=True)
class Loop:
    """The states in which a loop is left or begins again."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Value:
    """A checked expression with what the flow analysis must know of its value."""

    expr: Expr
    own: str = ""
    maps: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    bad: bool = False  # reported already: consumers stay silent

    @property
    def kind(self) -> Kind:
        """Return the kind of the value."""
        return self.expr.type.kind


def join(left: State | None, right: State | None, disagree: Disagree) -> State | None:
    """Return what is known where two paths meet; None is a path that cannot be taken."""
    if left is None or right is None:
        return left if right is None else right
    return {
        name: _join_var(name, left.get(name), right.get(name), disagree)
        for name in dict.fromkeys((*left, *right))
    }


def _join_var(name: str, left: Var | None, right: Var | None, disagree: Disagree) -> Var:
    if left == right and left is not None:
        return left
    if left is None or right is None or not (left.assigned and right.assigned):
        known = left or right
        assert known is not None
        if (left is not None and left.must_go) or (right is not None and right.must_go):
            disagree(name, left, right)
            return replace(known, own=LOST)
        return replace(known, assigned=False, own=GONE if known.own else "")
    kind = join_kinds(left.kind, right.kind) or left.kind
    own = _join_own(left, right)
    if own is None:
        disagree(name, left, right)
        own = LOST
    return Var(
        kind=kind,
        record=left.record or right.record,
        own=own,
        on=left.on or right.on,
        why=left.why or right.why,
        maps=left.maps | right.maps,
        low=min(left.low, right.low),
        high=max(left.high, right.high),
        verdicts=left.verdicts | right.verdicts,
    )


def join_kinds(left: Kind, right: Kind) -> Kind | None:
    """Return the kind that holds both, or None when there is none."""
    if left is right:
        return left
    if {left, right} == INTS:
        return Kind.INT
    for one, other in ((left, right), (right, left)):
        if one is Kind.NONE:
            return OPTIONAL.get(other) or (other if other in PRESENT else None)
        if PRESENT.get(one) is other:
            return one
    return None


_NEVER_OWNED = (GONE, ENDED, BORROWED)


def _join_own(left: Var, right: Var) -> str | None:
    """Return who owns the packet where paths meet, or None when the paths disagree."""
    a, b = left.own, right.own
    if LOST in (a, b):
        return LOST
    if left.kind is Kind.NONE or right.kind is Kind.NONE:
        other = right if left.kind is Kind.NONE else left
        return other.own
    if a == b:
        return a if a != MAYBE or left.on == right.on else None
    if {a, b} == {LENT, BORROWED}:
        return BORROWED
    if a in _NEVER_OWNED and b in _NEVER_OWNED:
        return GONE if GONE in (a, b) else ENDED
    return None
