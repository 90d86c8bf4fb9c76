"""Binary: functions made of code nodes → the bytes of a WebAssembly module."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sandbox.compiler.wasm import code
from sandbox.compiler.wasm.code import I32, I64, Node

Signature = tuple[tuple[int, ...], tuple[int, ...]]
VOID = 0x40
_BLOCK, _LOOP, _IF = 0x02, 0x03, 0x04


def unsigned(n: int) -> bytes:
    """Return an unsigned number in LEB128."""
    out = bytearray()
    while True:
        byte = n & 127
        n >>= 7
        if n == 0:
            out.append(byte)
            return bytes(out)
        out.append(byte | 128)


def signed(n: int) -> bytes:
    """Return a signed number in LEB128."""
    out = bytearray()
    while True:
        byte = n & 127
        n >>= 7
        if (n == 0 and not byte & 64) or (n == -1 and byte & 64):
            out.append(byte)
            return bytes(out)
        out.append(byte | 128)


_SMALL = [unsigned(n) for n in range(4096)]


def index(n: int) -> bytes:
    """Return an unsigned number in LEB128, from a table when it is small."""
    return _SMALL[n] if n < 4096 else unsigned(n)


def vector(items: Iterable[bytes]) -> bytes:
    """Return a count and the items."""
    listed = list(items)
    return index(len(listed)) + b"".join(listed)


def section(number: int, content: bytes) -> bytes:
    """Return a section of a module."""
    return bytes([number]) + unsigned(len(content)) + content


def opcode_bytes(opcode: int) -> bytes:
    """Return an opcode; one above 255 is a prefix and the number behind it."""
    if opcode < 256:
        return bytes([opcode])
    tail = b"\0\0" if opcode == code.MEMORY_COPY else b""
    return bytes([opcode >> 8, opcode & 255]) + tail


_ALIGN = {0x28: 2, 0x29: 3, 0x2B: 3, 0x36: 2, 0x37: 3, 0x39: 3, 0x3C: 0, 0x3D: 1, 0x3E: 2}


class Body:
    """Writes one function's instructions; `labels` is the stack of open blocks."""

    def __init__(
        self, function_index: Callable[[object], int], type_index: Callable[[Signature], int]
    ) -> None:
        self.out = bytearray()
        self.labels: list[object] = []
        self.function_index = function_index
        self.type_index = type_index

    def value(self, node: Node) -> None:
        """Write an expression."""
        out = self.out
        kind = node[0]
        if kind == code.GET:
            out += b"\x20" + index(node[1])
        elif kind == code.AT:
            out += b"\x20" + index(node[1]) + b"\x41" + signed(node[2]) + b"\x6a"
        elif kind == I64:
            out.append(0x42)
            out += signed(node[1])
        elif kind == I32:
            out.append(0x41)
            out += signed(node[1])
        elif kind == code.OP:
            for arg in node[2]:
                self.value(arg)
            if node[1] < 256:
                out.append(node[1])
            else:
                out += opcode_bytes(node[1])
        elif kind == code.LOAD:
            self.value(node[3])
            out += bytes((node[1], _ALIGN[node[1]])) + index(node[2])
        elif kind == code.SEQ:
            self.statements(node[1])
            self.value(node[2])
        elif kind == code.EITHER:
            self._either(node)
        else:
            self._rare(node)

    def _either(self, node: Node) -> None:
        if _is_joined(node[2]):
            self._forked(node[2], node[1], lambda: self.value(node[3]), lambda: self.value(node[4]))
            return
        self.value(node[2])
        with self._block(None, node[1], opcode=_IF):
            self.value(node[3])
            self.out.append(0x05)
            self.value(node[4])

    def _rare(self, node: Node) -> None:
        kind = node[0]
        if kind == code.CALL:
            for arg in node[2]:
                self.value(arg)
            self.out += b"\x10" + index(self.function_index(node[1]))
        elif kind == code.DISPATCH:
            for arg in node[2]:
                self.value(arg)
            self.value(node[3])
            self.out += b"\x11" + index(self.type_index(node[1])) + b"\x00"
        elif kind == code.F64:
            self.out.append(0x44)
            self.out += struct.pack("<d", node[1])
        else:
            raise AssertionError(f"no expression {kind}")

    def statements(self, body: list[Node]) -> None:
        """Write statements in order."""
        for node in body:
            _STATEMENTS[node[0]](self, node)

    def _set(self, node: Node) -> None:
        self.value(node[2])
        self.out += b"\x21" + index(node[1])

    def _store(self, node: Node) -> None:
        self.value(node[3])
        self.value(node[4])
        self.out += bytes((node[1], _ALIGN[node[1]])) + index(node[2])

    def _if(self, node: Node) -> None:
        _, test, then, orelse = node
        if _is_joined(test):
            self._forked(test, VOID, lambda: self.statements(then), lambda: self.statements(orelse))
            return
        self.value(test)
        with self._block(None, opcode=_IF):
            self.statements(then)
            if orelse:
                self.out.append(0x05)
                self.statements(orelse)

    # A test of several jumps as soon as its outcome is known; as a number it would be made and tested again.

    def _forked(
        self, test: Node, kind: int, then: Callable[[], None], orelse: Callable[[], None]
    ) -> None:
        out, other = object(), object()
        with self._block(out, kind):
            with self._block(other):
                self._jump(test, False, other)
                then()
                self.out += b"\x0c" + self._depth(out)
            orelse()

    def _jump(self, test: Node, when: bool, label: object) -> None:
        """Branch to a label when a test has this outcome, else go on behind it."""
        while True:
            if test[0] == code.SEQ:
                self.statements(test[1])
                test = test[2]
            elif test[0] == code.OP and test[1] == code.I32_EQZ:
                test, when = test[2][0], not when
            else:
                break
        joined = _joined(test)
        if joined is None:
            self.value(test)
            self.out += (b"" if when else b"\x45") + b"\x0d" + self._depth(label)
            return
        first, second, both = joined
        if both != when:  # either side alone decides
            self._jump(first, when, label)
            self._jump(second, when, label)
            return
        here = object()
        with self._block(here):
            self._jump(first, not when, here)
            self._jump(second, when, label)

    @contextmanager
    def _block(self, label: object, kind: int = VOID, opcode: int = _BLOCK) -> Iterator[None]:
        """Write what is inside between the opcode of a block, loop or if and its end."""
        self.out += bytes((opcode, kind))
        self.labels.append(label)
        yield
        self.labels.pop()
        self.out.append(0x0B)

    def _nest(self, node: Node) -> None:
        with self._block(node[1], opcode=_BLOCK if node[0] == code.BLOCK else _LOOP):
            self.statements(node[2])

    def _depth(self, label: object) -> bytes:
        for depth, one in enumerate(reversed(self.labels)):
            if one == label and one is not None:
                return index(depth)
        raise AssertionError("a branch to a block that is not open")

    def _branch(self, node: Node) -> None:
        self.out += b"\x0c" + self._depth(node[1])

    def _branch_if(self, node: Node) -> None:
        self._jump(node[2], True, node[1])

    def _do(self, node: Node) -> None:
        self.value(node[1])
        self.out += b"\x1a" * node[2]

    def _multi(self, node: Node) -> None:
        self.value(node[1])
        for local in reversed(node[2]):
            self.out += b"\x21" + index(local)

    def _return(self, node: Node) -> None:
        for value in node[1]:
            self.value(value)
        self.out.append(0x0F)

    def _trap(self, node: Node) -> None:
        self.out.append(0x00)


def _joined(test: Node) -> tuple[Node, Node, bool] | None:
    """Return both sides of an `and` (True) or an `or` (False), None for any other test."""
    if test[0] != code.EITHER:
        return None
    _, _, first, then, orelse = test
    if orelse == (I32, 0):
        return first, then, True
    return (first, orelse, False) if then == (I32, 1) else None


def _is_joined(test: Node) -> bool:
    """Whether a test is an `and` or an `or`, or the opposite of one."""
    while test[0] == code.SEQ or (test[0] == code.OP and test[1] == code.I32_EQZ):
        test = test[2] if test[0] == code.SEQ else test[2][0]
    return _joined(test) is not None


_STATEMENTS: dict[str, Callable[[Body, Node], None]] = {
    code.SET: Body._set,
    code.STORE: Body._store,
    code.IF: Body._if,
    code.BLOCK: Body._nest,
    code.LOOP: Body._nest,
    code.BR: Body._branch,
    code.BR_IF: Body._branch_if,
    code.DO: Body._do,
    code.MULTI: Body._multi,
    code.RET: Body._return,
    code.TRAP: Body._trap,
}


@dataclass(slots=True)
class Defined:
    """A finished function: `locals` are the types of all locals, parameters first."""

    key: object
    params: tuple[int, ...]
    results: tuple[int, ...]
    locals: list[int]
    body: list[Node]


@dataclass(slots=True)
class Imported:
    """A function another module of the same memory gives."""

    key: object
    name: str
    params: tuple[int, ...]
    results: tuple[int, ...]


@dataclass(slots=True)
class ModuleWriter:
    """Collects functions and writes the module. With `owns_memory` it exports memory and table, else imports them."""

    owns_memory: bool
    pages: int
    table_size: int = 0
    imports: list[Imported] = field(default_factory=list)
    functions: list[Defined] = field(default_factory=list)
    exports: dict[str, object] = field(default_factory=dict)  # name → function key

    def write(self) -> bytes:
        """Return the module."""
        types: dict[Signature, int] = {}

        def type_index(signature: Signature) -> int:
            return types.setdefault(signature, len(types))

        numbers = {one.key: n for n, one in enumerate(self._all())}
        bodies = [self._body(one, numbers.__getitem__, type_index) for one in self.functions]
        imports = [
            _name("core") + _name(one.name) + b"\0" + index(type_index((one.params, one.results)))
            for one in self.imports
        ]
        declared = [index(type_index((one.params, one.results))) for one in self.functions]
        limits = b"\x01" + unsigned(self.pages) + unsigned(self.pages)
        table = b"\x70\x00" + unsigned(self.table_size)
        exports = [_name(n) + b"\0" + index(numbers[key]) for n, key in self.exports.items()]
        owned = b""
        if self.owns_memory:
            owned = section(4, vector([table])) + section(5, vector([limits]))
            exports += [_name("memory") + b"\x02\x00", _name("table") + b"\x01\x00"]
        else:
            imports += [_name("core") + _name("memory") + b"\x02" + limits]
            imports += [_name("core") + _name("table") + b"\x01" + table]
        kinds = [
            b"\x60" + vector(bytes([w]) for w in params) + vector(bytes([w]) for w in results)
            for params, results in types
        ]
        return (
            b"\0asm\1\0\0\0"
            + section(1, vector(kinds))
            + (section(2, vector(imports)) if imports else b"")
            + section(3, vector(declared))
            + owned
            + section(7, vector(exports))
            + section(10, vector(bodies))
            + section(0, _name("name") + b"\x01" + _sized(vector(self._names())))
        )

    def _names(self) -> list[bytes]:
        """Return every function's name, for backtraces and profiles."""
        return [index(n) + _name(_shown(one.key)) for n, one in enumerate(self._all())]

    def _all(self) -> list[Imported | Defined]:
        return [*self.imports, *self.functions]

    def _body(
        self,
        function: Defined,
        function_index: Callable[[object], int],
        type_index: Callable[[Signature], int],
    ) -> bytes:
        writer = Body(function_index, type_index)
        writer.statements(function.body)
        writer.out.append(0x0B)
        runs: list[list[int]] = []
        for kind in function.locals[len(function.params) :]:
            if runs and runs[-1][1] == kind:
                runs[-1][0] += 1
            else:
                runs.append([1, kind])
        content = vector(index(n) + bytes([kind]) for n, kind in runs) + bytes(writer.out)
        return unsigned(len(content)) + content


def _sized(content: bytes) -> bytes:
    return unsigned(len(content)) + content


def _shown(key: object) -> str:
    first = key[0] if isinstance(key, tuple) else key
    return str(
        key[1] if isinstance(key, tuple) and first == "program" else getattr(first, "name", first)
    )


def _name(text: str) -> bytes:
    raw = text.encode()
    return unsigned(len(raw)) + raw
