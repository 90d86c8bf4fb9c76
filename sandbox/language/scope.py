"""Scope: what the names at the top of a program stand for."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from sandbox.language import tree
from sandbox.language.helpers import CONSTANTS, DEVICE_DEFAULTS, HELPERS
from sandbox.language.maps import MAPS
from sandbox.language.tree import Kind
from sandbox.language.verdicts import VERDICTS

DECLARING = ("Param", "Record", "ClassRecord", "Array", "Children", *DEVICE_DEFAULTS)
ANNOTATIONS = ("int", "bool", "Skb", "Owned", "Ctx")
RESERVED = frozenset(
    {
        *(name for name in HELPERS if "." not in name),
        *MAPS,
        *VERDICTS,
        *CONSTANTS,
        *DECLARING,
        *ANNOTATIONS,
        "ctx",
        "print",
        "printed",
    }
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A named constant: INT or BOOL, and its value."""

    kind: Kind
    value: int


@dataclass(slots=True)
class Scope:
    """The declarations of a program; `lines` gives the line of every declared name."""

    params: dict[str, tree.Param] = field(default_factory=dict)
    constants: dict[str, Constant] = field(default_factory=dict)
    globals: dict[str, tree.GlobalVar] = field(default_factory=dict)
    records: dict[str, tree.Record] = field(default_factory=dict)
    class_record: tree.Record | None = None
    maps: dict[str, tree.MapDecl] = field(default_factory=dict)
    children: tree.ChildrenDecl | None = None
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    comparators: set[str] = field(default_factory=set)
    lines: dict[str, int] = field(default_factory=dict)

    def record(self, name: str) -> tree.Record | None:
        """Return the record of this name, the class record included."""
        if self.class_record is not None and self.class_record.name == name:
            return self.class_record
        return self.records.get(name)

    def what(self, name: str) -> str:
        """Return what kind of thing a declared name is, e.g. `a map`."""
        for table, text in (
            (self.params, "a parameter"),
            (self.constants, "a constant"),
            (self.globals, "a global"),
            (self.maps, "a map"),
            (self.functions, "a function"),
        ):
            if name in table:
                return text
        return "a record" if self.record(name) else "a name of the language"
