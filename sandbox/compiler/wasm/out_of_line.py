"""What large functions of programs call for what small ones have written out: a machine takes long over large code.

Written in the dialect; the results are those of `program_arithmetic.py`.
"""

from __future__ import annotations

from sandbox.compiler.wasm.library import fault, high32
from sandbox.core.instance import Instance
from sandbox.core.skb import CB_WORDS
from sandbox.core.trap import DIV_ZERO, INDEX

HALF = 1 << 31
SMALLEST = -(1 << 63)


def sum_of(self: Instance, a: int, b: int, line: int) -> int:
    """Return a + b; a wrap is noted."""
    result = a + b
    if ((a ^ result) & (b ^ result)) < 0:
        self.wrapped(line)
    return result


def difference_of(self: Instance, a: int, b: int, line: int) -> int:
    """Return a - b; a wrap is noted."""
    result = a - b
    if ((a ^ b) & (a ^ result)) < 0:
        self.wrapped(line)
    return result


def product_of(self: Instance, a: int, b: int, line: int) -> int:
    """Return a * b; a wrap is noted. Factors of 32 bits cannot wrap; otherwise dividing must give the factor back."""
    result = a * b
    if high32((a + HALF) | (b + HALF)) != 0 and a != 0:
        if a == -1:
            if b == SMALLEST:
                self.wrapped(line)
        elif result // a != b:
            self.wrapped(line)
    return result


def negative_of(self: Instance, a: int, line: int) -> int:
    """Return -a; a wrap is noted."""
    if a == SMALLEST:
        self.wrapped(line)
    return 0 - a


def magnitude_of(self: Instance, a: int, line: int) -> int:
    """Return abs(a); a wrap is noted."""
    return a if a >= 0 else negative_of(self, a, line)


def shifted(self: Instance, a: int, b: int, line: int) -> int:
    """Return a << b; bits that are lost are noted as a wrap."""
    result = a << b
    if (result >> b) != a:
        self.wrapped(line)
    return result


def quotient_of(self: Instance, a: int, b: int, line: int) -> int:
    """Return a // b; division by zero faults."""
    if b == 0:
        fault(DIV_ZERO, line, 0)
    if b == -1:
        if a == SMALLEST:
            self.wrapped(line)
        return 0 - a
    return a // b


def rest_of(self: Instance, a: int, b: int, line: int) -> int:
    """Return a % b; division by zero faults."""
    if b == 0:
        fault(DIV_ZERO, line, 0)
    if b == -1:
        return 0
    return a % b


def cb_at(self: Instance, index: int, line: int) -> int:
    """Return where a word of `skb.cb` is kept; an index outside it faults."""
    if index < 0 or index >= CB_WORDS:
        fault(INDEX, line, index)
    running = self.running
    if running is None:
        return index
    return running.level * CB_WORDS + index
