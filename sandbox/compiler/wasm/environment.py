"""Environment: what the names of one function of the dialect mean while it is translated."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.compiler.wasm.function import Function
from sandbox.compiler.wasm.source import Source
from sandbox.compiler.wasm.types import T
from sandbox.compiler.wasm.unit import Unit
from sandbox.compiler.wasm.values import V


@dataclass(slots=True)
class Env:
    """One activation: a function, or a call of one that is written out in its caller."""

    unit: Unit
    fn: Function
    source: Source
    stack: tuple[Source, ...]  # the functions written out around this one
    vars: dict[str, tuple[T, list[int]]] = field(default_factory=dict)
    fixed: dict[str, V] = field(default_factory=dict)  # parameters that are constants or locals
    result: T | None = None
    result_locals: list[int] | None = None
    result_label: int = 0  # 0: a real function, which returns by RET
    loops: list[tuple[int, int]] = field(default_factory=list)  # labels of break and continue
