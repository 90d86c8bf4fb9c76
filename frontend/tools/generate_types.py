"""Write src/protocol/generated.ts from the Python definitions of the protocol.

usage: python frontend/tools/generate_types.py [--check]
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import types
import typing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "frontend/src/protocol/generated.ts"
sys.path.insert(0, str(ROOT))

from sandbox import diagnostics, protocol  # noqa: E402

RECORDS: tuple[type, ...] = (diagnostics.Fix, diagnostics.Diagnostic)
ENUMS: tuple[type[enum.Enum], ...] = (
    protocol.RowKind,
    protocol.Verdict,
    protocol.DropCode,
    protocol.EventKind,
)
NUMBERS = (
    "PROTOCOL_VERSION",
    "ROWS_MAX",
    "SOURCE_BYTES_MAX",
    "TEXT_BYTES_MAX",
    "FILES_MAX",
    "FILES_BYTES_MAX",
    "EVENTS_MAX",
)


def type_script(annotation: object) -> str:
    """Return the TypeScript type that stands for a Python annotation of a protocol record."""
    plain = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
    if isinstance(annotation, type) and annotation in plain:
        return plain[annotation]
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return annotation.__name__
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin in (types.UnionType, typing.Union):
        return " | ".join(type_script(argument) for argument in arguments)
    raise TypeError(f"no TypeScript type for {annotation!r}")


def camel(name: str) -> str:
    """Return `TX_START` as `txStart`."""
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def record(kind: type) -> str:
    """Return one interface."""
    hints = typing.get_type_hints(kind)
    lines = [f"  {name}: {type_script(hint)};" for name, hint in hints.items()]
    return "\n".join([f"export interface {kind.__name__} {{", *lines, "}"])


def enumeration(kind: type[enum.Enum]) -> str:
    """Return one table of numbers."""
    lines = [f"  {camel(member.name)}: {member.value}," for member in kind]
    return "\n".join([f"export const {kind.__name__} = {{", *lines, "} as const;"])


def render() -> str:
    """Return the whole file."""
    outcomes = "\n".join(f'  | "{member.value}"' for member in protocol.Outcome)
    numbers = "\n".join(f"export const {name} = {getattr(protocol, name)};" for name in NUMBERS)
    parts = [
        "// Written by tools/generate_types.py from sandbox/protocol.py and sandbox/diagnostics.py.",
        *(record(kind) for kind in RECORDS),
        f"export type Outcome =\n{outcomes};",
        *(enumeration(kind) for kind in ENUMS),
        numbers,
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Write the file, or with --check only say whether it is fresh."""
    text = render()
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
