"""Function: one function under construction: its locals, labels and the list its statements go to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import Node
from sandbox.compiler.wasm.types import T, components
from sandbox.compiler.wasm.values import V


class Function:
    """Statements collect in `out`; `collected` redirects them.

    What a machine needs to compile a function grows with its locals times its branches, so that those which hold
    something for one statement only are used again by the next.
    """

    def __init__(self) -> None:
        self.locals: list[int] = []
        self.out: list[Node] = []
        self.written_out = 0  # nodes of other functions
        self._labels = 0
        self._taken: list[tuple[int, int]] = []  # by the present statement
        self._free: dict[int, list[int]] = {}

    def local(self, kind: int) -> int:
        """Return a local of a machine type; its value is not known, and it lasts as long as the present statement."""
        free = self._free.get(kind)
        at = free.pop() if free else self._new(kind)
        self._taken.append((kind, at))
        return at

    def _new(self, kind: int) -> int:
        self.locals.append(kind)
        return len(self.locals) - 1

    def locals_for(self, t: T) -> list[int]:
        """Return locals for a value of a type, as `local` does."""
        return [self.local(kind) for kind in components(t)]

    def variables_for(self, t: T) -> list[int]:
        """Return locals for a value of a type that last; they are 0 at first."""
        return [self._new(kind) for kind in components(t)]

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Give back at the end of a statement what it took."""
        outer, self._taken = self._taken, []
        try:
            yield
        finally:
            for kind, at in self._taken:
                self._free.setdefault(kind, []).append(at)
            self._taken = outer

    def label(self) -> int:
        """Return a new label."""
        self._labels += 1
        return self._labels

    def emit(self, *statements: Node) -> None:
        """Append statements."""
        self.out.extend(statements)

    @contextmanager
    def collected(self) -> Iterator[list[Node]]:
        """Send the statements of the block to a list of their own."""
        outer = self.out
        self.out = []
        try:
            yield self.out
        finally:
            self.out = outer

    def keep(self, v: V) -> V:
        """Return the value in locals, so that it may be read several times; its statements are emitted here."""
        self.emit(*v.before)
        parts = []
        for node, kind in zip(v.parts, _kinds(v), strict=True):
            if code.is_lasting(node):
                parts.append(node)
                continue
            at = self.local(kind)
            self.emit((code.SET, at, node))
            parts.append((code.GET, at))
        return V(v.t, tuple(parts), known=v.known)

    def kept(self, v: V) -> V:
        """As `keep`, but the statements stay with the value."""
        if all(code.is_plain(node) for node in v.parts):
            return v
        with self.collected() as made:
            result = self.keep(v)
        return V(result.t, result.parts, made, v.known)

    def assign(self, locals_: list[int], v: V) -> None:
        """Set locals to a value."""
        self.emit(*v.before)
        if len(locals_) == 1:
            self.emit((code.SET, locals_[0], v.parts[0]))
            return
        parts = self.keep(V(v.t, v.parts)).parts
        for at, node in zip(locals_, parts, strict=True):
            self.emit((code.SET, at, node))


def _kinds(v: V) -> tuple[int, ...]:
    return components(v.t)
