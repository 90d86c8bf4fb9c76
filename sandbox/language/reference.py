"""The reference part of docs/language.md, written from the helper table: `python -m sandbox.language.reference`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sandbox.language import limits
from sandbox.language.constructs import REFUSED
from sandbox.language.fields import CTX_FIELDS, REFUSED_SKB_FIELDS, SKB_FIELDS, FieldSpec
from sandbox.language.helpers import CONSTANTS, HELPERS, PROGRAMS, HelperSpec
from sandbox.language.maps import MAPS, MapSpec
from sandbox.language.verdicts import ENTRIES, VERDICTS

BEGIN = "<!-- generated from the helper table: python -m sandbox.language.reference -->"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "language.md"


def reference() -> str:
    """Return the generated part as Markdown."""
    parts = [_entries(), _verdicts(), _helpers(), _maps(), _fields(), _refused(), _limits()]
    return "\n".join([BEGIN, *parts])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_row(head), _row(("---",) * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _entries() -> str:
    rows = ((f"`{e.signature}`", e.returns, e.doc, f"`{e.bpf}`") for e in ENTRIES.values())
    return "## Reference\n\n### Entry points\n" + _table(
        ("form", "returns", "when", "kernel"), rows
    )


def _verdicts() -> str:
    rows = (
        (f"`{v.name}`", ", ".join(sorted(v.allowed)), v.packet, v.doc, f"`{v.bpf}`")
        for v in VERDICTS.values()
    )
    return "### Verdicts\n" + _table(
        ("verdict", "in", "the packet must be", "meaning", "kernel"), rows
    )


def _place(allowed: frozenset[str]) -> str:
    if allowed >= PROGRAMS:
        return "everywhere" if "comparator" in allowed else "everywhere but comparators"
    return ", ".join(name for name in ENTRIES if name in allowed)


def _call_row(spec: HelperSpec) -> tuple[str, ...]:
    return (f"`{spec.signature}`", spec.doc, _place(spec.allowed), spec.cost, _code(spec.bpf))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _helpers() -> str:
    constants = ", ".join(f"`{name}` = {value}" for name, value in CONSTANTS.items())
    head = ("helper", "what it does", "where", "cost", "kernel")
    rows = map(_call_row, HELPERS.values())
    return f"### Helpers\nConstants: {constants}.\n\n" + _table(head, rows)


def _maps() -> str:
    rows = (
        (
            f"`{m.signature}`",
            m.doc,
            m.iterates or "–",
            m.user_space or "–",
            f"{m.entries_max:,}",
            m.bpf,
        )
        for m in MAPS.values()
    )
    head = (
        "map",
        "what it holds",
        "`for` gives",
        "user space, beside dumps",
        "max_entries up to",
        "kernel",
    )
    return "### Maps\n" + _table(head, rows) + "\n" + "\n".join(map(_methods, _distinct()))


def _distinct() -> list[tuple[str, MapSpec]]:
    """Return map kinds that share their methods together."""
    groups: dict[tuple[str, ...], tuple[list[str], MapSpec]] = {}
    for spec in MAPS.values():
        key = tuple(method.call.doc for method in spec.methods.values())
        groups.setdefault(key, ([], spec))[0].append(spec.name)
    return [(", ".join(names), spec) for names, spec in groups.values()]


def _methods(group: tuple[str, MapSpec]) -> str:
    names, spec = group
    rows = (
        (f"`{m.call.signature}`", m.call.doc, m.call.cost, _code(m.call.bpf))
        for m in spec.methods.values()
    )
    return f"Methods of {names}:\n\n" + _table(("method", "what it does", "cost", "kernel"), rows)


def _fields() -> str:
    skb = (_field_row("skb", spec) for spec in SKB_FIELDS.values())
    ctx = (_field_row("ctx", spec) for spec in CTX_FIELDS.values())
    head = ("field", "what it is", "from", "to", "write", "kernel")
    refused = ((f"`skb.{name}`", cure) for name, cure in REFUSED_SKB_FIELDS.items())
    return (
        "### Packet fields\n"
        + _table(head, skb)
        + "\nNot readable:\n\n"
        + _table(("field", "instead"), refused)
        + "\n### Context fields\n"
        + _table(head, ctx)
    )


def _field_row(owner: str, spec: FieldSpec) -> tuple[str, ...]:
    name = f"{owner}.{spec.name}" + (f"[0..{spec.length - 1}]" if spec.length else "")
    write = f"{spec.bits} bits, {_place(spec.writable_in)}" if spec.writable else "no"
    return (f"`{name}`", spec.doc, _number(spec.low), _number(spec.high), write, _code(spec.bpf))


def _number(value: int) -> str:
    for bits in (63, 50, 48, 32, 16):
        if value == 2**bits - 1:
            return f"2^{bits} − 1"
        if value == 2**bits:
            return f"2^{bits}"
    return "−2^63" if value == -(2**63) else str(value)


def _refused() -> str:
    names: dict[str, str] = {}
    for what, cure in REFUSED.values():
        names.setdefault(what, cure)
    rows = ((what if what.startswith('"') else f"`{what}`", cure) for what, cure in names.items())
    return "### Not in the language\n" + _table(("construct", "instead"), rows)


def _limits() -> str:
    rows = (
        (f"`{name}`", f"{value:,}")
        for name, value in vars(limits).items()
        if name.isupper() and isinstance(value, int)
    )
    return "### Limits of a program\n" + _table(("limit", "value"), rows)


def rewrite() -> None:
    """Write the generated part into the page, below the part written by hand."""
    text = PAGE.read_text().split(BEGIN)[0]
    PAGE.write_text(text + reference())


if __name__ == "__main__":
    rewrite()
