"""Code: the small tree between the front ends and the bytes: expressions, statements, and folds on them.

A node is a tuple whose first item says what it is; `binary.py` writes them in the order in which they are
nested, which is the order of evaluation. Expressions:

    (GET, local)  (AT, local, offset)  (I32|I64|F64, value)  (OP, opcode, args)  (LOAD, opcode, offset, address)
    (SEQ, statements, value)  (EITHER, type, test, then, orelse)  (CALL, function, args)
    (DISPATCH, signature, args, index)

Statements:

    (SET, local, value)  (STORE, opcode, offset, address, value)  (IF, test, then, orelse)  (BLOCK, label, body)
    (LOOP, label, body)  (BR, label)  (BR_IF, label, test)  (DO, value, results)  (MULTI, value, locals)
    (RET, values)  (TRAP,)

AT is the address at an offset from a local that is never set again. A SEQ lets statements stand inside an
expression: what was evaluated before stays on the machine's stack meanwhile.
"""

from __future__ import annotations

from typing import Any

Node = tuple[Any, ...]

GET, AT, OP, LOAD, SEQ, EITHER, CALL, DISPATCH = (
    "get",
    "at",
    "op",
    "load",
    "seq",
    "either",
    "call",
    "dispatch",
)
SET, STORE, IF, BLOCK, LOOP, BR, BR_IF = "set", "store", "if", "block", "loop", "br", "br_if"
DO, MULTI, RET, TRAP = "do", "multi", "ret", "trap"

I32, I64, F64 = 0x7F, 0x7E, 0x7C
CONSTS = (I32, I64, F64)

# Opcodes of the binary format, by what they do here.
I32_EQZ, I32_EQ, I32_NE, I32_LT_U, I32_GE_U = 0x45, 0x46, 0x47, 0x49, 0x4F
I32_ADD, I32_SUB, I32_MUL, I32_AND, I32_OR, I32_SHL, I32_SHR_U = (
    0x6A,
    0x6B,
    0x6C,
    0x71,
    0x72,
    0x74,
    0x76,
)
I64_EQZ, I64_EQ, I64_NE = 0x50, 0x51, 0x52
I64_LT_S, I64_LT_U, I64_GT_S, I64_GT_U = 0x53, 0x54, 0x55, 0x56
I64_LE_S, I64_LE_U, I64_GE_S, I64_GE_U = 0x57, 0x58, 0x59, 0x5A
I64_CLZ, I64_CTZ = 0x79, 0x7A
I64_ADD, I64_SUB, I64_MUL, I64_DIV_S, I64_DIV_U, I64_REM_S, I64_REM_U = range(0x7C, 0x83)
I64_AND, I64_OR, I64_XOR, I64_SHL, I64_SHR_S, I64_SHR_U = range(0x83, 0x89)
F64_ADD, F64_SUB, F64_MUL, F64_DIV, F64_NEG = 0xA0, 0xA1, 0xA2, 0xA3, 0x9A
F64_EQ, F64_NE, F64_LT, F64_GT, F64_LE, F64_GE = 0x61, 0x62, 0x63, 0x64, 0x65, 0x66
WRAP, EXTEND_S, EXTEND_U, FLOAT_S, FLOAT_U, SELECT = 0xA7, 0xAC, 0xAD, 0xB9, 0xBA, 0x1B
TRUNC_SAT = 0xFC06
MEMORY_COPY = 0xFC0A
ADD_WIDE, MUL_WIDE_U = 0xFC13, 0xFC16

LOADS = {I32: 0x28, I64: 0x29, F64: 0x2B}
STORES = {I32: 0x36, I64: 0x37, F64: 0x39}
STORE_8, STORE_16, STORE_32 = 0x3C, 0x3D, 0x3E  # the low bits of an i64

M64 = 0xFFFFFFFFFFFFFFFF


def signed(value: int) -> int:
    """Return the signed number of the same low 64 bits."""
    value &= M64
    return value - (1 << 64) if value >> 63 else value


def i32(value: int) -> Node:
    """Return a constant of the low 32 bits."""
    return I32, ((value + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def i64(value: int) -> Node:
    """Return a 64-bit constant."""
    return I64, signed(value)


def f64(value: float) -> Node:
    """Return a float constant."""
    return F64, value


def is_const(node: Node) -> bool:
    """Whether a node is a constant."""
    return node[0] in CONSTS


def is_plain(node: Node) -> bool:
    """Whether evaluating a node twice or elsewhere changes nothing: a constant or a local."""
    return node[0] in CONSTS or node[0] in (GET, AT)


def is_lasting(node: Node) -> bool:
    """Whether a node is the same at any later time: a constant or a fixed address."""
    return node[0] in CONSTS or node[0] == AT


def op(opcode: int, *args: Node) -> Node:
    """Return an operation."""
    return OP, opcode, args


_FOLDS = {
    I64_ADD: lambda a, b: a + b,
    I64_SUB: lambda a, b: a - b,
    I64_MUL: lambda a, b: a * b,
    I64_AND: lambda a, b: a & b,
    I64_OR: lambda a, b: a | b,
    I64_XOR: lambda a, b: a ^ b,
    I64_SHL: lambda a, b: a << (b & 63),
    I64_SHR_S: lambda a, b: a >> (b & 63),
    I64_SHR_U: lambda a, b: (a & M64) >> (b & 63),
}
_NEUTRAL = (I64_ADD, I64_SUB, I64_OR, I64_XOR, I64_SHL, I64_SHR_S, I64_SHR_U)


def arith(opcode: int, a: Node, b: Node) -> Node:
    """Return a 64-bit operation, folded when both sides are constants or the right one does nothing."""
    if b[0] == I64:
        if a[0] == I64 and opcode in _FOLDS:
            return i64(_FOLDS[opcode](a[1], b[1]))
        if b[1] == 0 and opcode in _NEUTRAL:
            return a
    return OP, opcode, (a, b)


def negate(test: Node) -> Node:
    """Return the opposite of a truth value."""
    if test[0] == I32:
        return i32(int(not test[1]))
    if test[0] == OP and test[1] == I32_EQZ and is_comparison(test[2][0]):
        inner: Node = test[2][0]
        return inner
    return OP, I32_EQZ, (test,)


def is_comparison(node: Node) -> bool:
    """Whether a node compares, so that it is 0 or 1."""
    return node[0] == OP and 0x45 <= int(node[1]) <= 0x66


def load(kind: int, offset: int, address: Node) -> Node:
    """Return a read of memory at address + offset."""
    if address[0] == AT:
        return LOAD, LOADS[kind], offset + address[2], (GET, address[1])
    return LOAD, LOADS[kind], offset, address


def store(kind: int, offset: int, address: Node, value: Node) -> Node:
    """Return a write to memory at address + offset."""
    if address[0] == AT:
        return STORE, STORES[kind], offset + address[2], (GET, address[1]), value
    return STORE, STORES[kind], offset, address, value


def seq(statements: list[Node], value: Node) -> Node:
    """Return a value that is computed after some statements."""
    return (SEQ, statements, value) if statements else value


def either(kind: int, test: Node, then: Node, orelse: Node) -> Node:
    """Return one of two values."""
    if test[0] == I32:
        return then if test[1] else orelse
    if is_plain(then) and is_plain(orelse):
        return OP, SELECT, (then, orelse, test)
    return EITHER, kind, test, then, orelse


def both(a: Node, b: Node) -> Node:
    """Return `a and b` of two truth values."""
    return either(I32, a, b, i32(0)) if not is_plain(b) else op(I32_AND, a, b)


def any_of(a: Node, b: Node) -> Node:
    """Return `a or b` of two truth values."""
    return either(I32, a, i32(1), b)


def ends(body: list[Node]) -> bool:
    """Whether control never comes out at the end of a list of statements."""
    return bool(body) and body[-1][0] in (BR, RET, TRAP)
