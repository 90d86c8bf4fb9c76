"""Where records come from: which tables the record in each variable, parameter and result may belong to.

A record is the index of its first word in the words of its table. Where only one table is possible, which is
nearly always, that index is the whole value and the table is known when the program is compiled. Where several are
possible (a helper called with records of two maps), the value is `index * n + k`, k being the number of the
table among the program's n. None is −1 in both forms.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.language import tree
from sandbox.language.tree import Kind
from sandbox.language.walk import Node, walk

CLASSES = ""  # the source that stands for the class table; no map has an empty name
Sources = frozenset[str]
NOWHERE: Sources = frozenset()
RECORD_KINDS = (Kind.RECORD, Kind.OPTIONAL_RECORD)
_MOVES = (tree.Assign, tree.ForClasses, tree.UserCall, tree.Return)  # what hands records on


class Provenance:
    """The sources of every record-valued variable and result: the least solution, flow-insensitive."""

    def __init__(self, program: tree.Program) -> None:
        self.tables = [CLASSES, *(m.name for m in program.maps if m.value)]
        self._record_of = {m.name: m.value for m in program.maps if m.value}
        if program.class_record is not None:
            self._record_of[CLASSES] = program.class_record.name
        self._variables: dict[tuple[str, str], Sources] = {}
        self._results: dict[str, Sources] = {}
        self._functions = {f.name: f for f in program.functions}
        moving = [
            (function, node)
            for function in program.functions
            for node in (walk(function.body) if self._record_of else ())
            if isinstance(node, _MOVES)
        ]
        while self._pass(moving):
            pass

    def variable(self, function: str, name: str) -> Sources:
        """Return where the record in a local or parameter may come from."""
        return self._variables.get((function, name), NOWHERE)

    def result(self, function: str) -> Sources:
        """Return where the record that a function returns may come from."""
        return self._results.get(function, NOWHERE)

    def of(self, expr: tree.Expr, function: str) -> Sources:
        """Return where the record that an expression gives may come from."""
        match expr:
            case tree.Local():
                return self.variable(function, expr.name)
            case tree.MapCall() if expr.map in self._record_of:
                return frozenset((expr.map,))
            case tree.HelperCall(helper="class_of"):
                return frozenset((CLASSES,))
            case tree.UserCall():
                return self.result(expr.function)
            case tree.IfExp():
                return self.of(expr.then, function) | self.of(expr.orelse, function)
        return NOWHERE

    def some_table(self, record: str) -> str | None:
        """Return a table that holds records of this type, for code that can never run with one."""
        return next((source for source, name in self._record_of.items() if name == record), None)

    def _pass(self, nodes: Sequence[tuple[tree.Function, Node]]) -> bool:
        changed = False
        for function, node in nodes:
            match node:
                case tree.Assign() if node.value.type.kind in RECORD_KINDS:
                    at = (function.name, node.name)
                    changed |= self._flow(at, self.of(node.value, function.name))
                case tree.ForClasses():
                    changed |= self._flow((function.name, node.name), frozenset((CLASSES,)))
                case tree.UserCall():
                    params = self._functions[node.function].params
                    for (param, kind), arg in zip(params, node.args, strict=True):
                        if kind.kind in RECORD_KINDS:
                            at = (node.function, param)
                            changed |= self._flow(at, self.of(arg, function.name))
                case tree.Return(value=value) if value is not None:
                    if function.returns.kind in RECORD_KINDS:
                        changed |= self._flow_result(function.name, value)
        return changed

    def _flow(self, at: tuple[str, str], sources: Sources) -> bool:
        known = self._variables.get(at, NOWHERE)
        self._variables[at] = known | sources
        return not sources <= known

    def _flow_result(self, function: str, value: tree.Expr) -> bool:
        sources = self.of(value, function)
        known = self._results.get(function, NOWHERE)
        self._results[function] = known | sources
        return not sources <= known
