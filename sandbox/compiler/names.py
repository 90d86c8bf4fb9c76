"""Names of lowered code: the user's get a prefix, ours are recorded with what they stand for.

A prefixed name can meet neither a builtin nor a name of ours. RestrictedPython refuses names that end in
`__roles__`, so such a name of the user gets another prefix and a tail.
"""

from __future__ import annotations

from dataclasses import dataclass, field


def _mangled(prefix: str, name: str) -> str:
    if name.endswith("__roles__"):
        return f"{prefix}r_{name}_"
    return f"{prefix}_{name}"


def local(name: str) -> str:
    """Return the lowered name of a local variable or parameter."""
    return _mangled("u", name)


def function(name: str) -> str:
    """Return the lowered name of a function."""
    return _mangled("d", name)


def variable(name: str) -> str:
    """Return the lowered name of a program global."""
    return _mangled("g", name)


TEMPORARY = "t"


@dataclass(frozen=True, slots=True)
class Bound:
    """What a name of ours stands for: `kind` selects the binder, `map` and `name` say which one.

    Kinds: method (of a map), inner (a method of any inner skb map), object (a map itself), words (of a
    table), slots (of a hash table: `key, default → slot`), walk (the generator of `for` over a map or
    classes), field, setter, instance, helper, arithmetic, list (other lists).
    """

    kind: str
    name: str
    map: str = ""


@dataclass(slots=True)
class Registry:
    """The names of ours that a program's lowered code uses; the guard allows no others."""

    bound: dict[str, Bound] = field(default_factory=dict)

    def use(self, kind: str, name: str, map_name: str = "") -> str:
        """Return the lowered name of something of ours and remember that it is used."""
        what = Bound(kind, name, map_name)
        parts = [part for part in (name.replace(".", "_"), map_name) if part]
        lowered = _mangled(_PREFIX[kind], "_".join(parts))
        known = self.bound.setdefault(lowered, what)
        if known != what:  # e.g. method "pop" of map "last_q" and method "pop_last" of map "q"
            lowered = f"{lowered}_{len(name)}"
            assert self.bound.setdefault(lowered, what) == what
        return lowered

    def lists(self) -> set[str]:
        """Return the names that may be subscripted."""
        return {name for name, what in self.bound.items() if what.kind in SUBSCRIPTED}

    def calls(self) -> set[str]:
        """Return the names that may be called."""
        return {name for name, what in self.bound.items() if what.kind not in SUBSCRIPTED}


SUBSCRIPTED = ("words", "list")
_PREFIX = {
    "method": "m",
    "inner": "i",
    "object": "o",
    "words": "w",
    "slots": "s",
    "walk": "each",
    "field": "f",
    "setter": "set",
    "instance": "n",
    "helper": "h",
    "arithmetic": "a",
    "list": "l",
}
