"""Give the options of a qdisc, class or program the meaning its program's parameters define.

A parameter's unit selects the parser of its value, so that no list of qdiscs and their options
exists anywhere: the program text is the only definition.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from sandbox import units
from sandbox.diagnostics import Diagnostic
from sandbox.language.tree import Kind, Param
from sandbox.scenario.model import Options, Raw, Word
from sandbox.units import Dialect, UnitError, shown

Values = dict[str, int | tuple[int, ...]]

MAX_NAMES = 256  # names that a spelling hint is looked for in

# Other words tc(8) has for an option, for programs that have no parameter of that very name.
ALIASES = {"buffer": "burst", "maxburst": "burst", "minburst": "mtu"}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a spelling hint, or the list of what exists when it is short, or ""."""
    names = list(known)[:MAX_NAMES]
    close = difflib.get_close_matches(word[:80], names, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    if not names:
        return ""
    return "known here: " + ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def parse_scalar(param: Param, raw: object, dialect: Dialect = "toml") -> int:
    """Return one value of a parameter in its base unit; raise UnitError when it cannot be."""
    if param.kind is Kind.BOOL:
        return _flag(raw)
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise UnitError(f"{shown(raw)} is not a value of {param.name}")
    match param.unit:
        case "ns":
            value = units.parse_time_ns(raw, dialect)
        case "bits_per_second":
            value = units.parse_rate_bps(raw, dialect)
        case "bytes":
            value = units.parse_size_bytes(raw)
        case "percent":
            value = units.parse_int(raw.strip().removesuffix("%") if isinstance(raw, str) else raw)
        case "packets":
            value = units.parse_int(raw.strip().removesuffix("p") if isinstance(raw, str) else raw)
        case _:
            value = units.parse_int(raw)
    return check_range(param, value)


def check_range(param: Param, value: int) -> int:
    """Return the value when it lies within the parameter's bounds, else raise UnitError."""
    if value < param.low:
        raise UnitError(f"{param.name} {value} is below its minimum {param.low}")
    if value > param.high:
        raise UnitError(f"{param.name} {value} is above its maximum {param.high}")
    return value


def parse_value(param: Param, raw: Raw, dialect: Dialect = "toml") -> int | tuple[int, ...]:
    """Return the value of a scalar or list parameter.

    Missing items of a list keep their default.
    """
    if not isinstance(param.default, tuple):
        return parse_scalar(param, raw, dialect)
    if isinstance(raw, str):
        raw = tuple(raw.replace(",", " ").split())
    if not isinstance(raw, tuple):
        raise UnitError(f"{param.name} takes a list of {len(param.default)} numbers")
    if len(raw) > len(param.default):
        raise UnitError(f"{param.name} takes {len(param.default)} numbers, got {len(raw)}")
    given = tuple(parse_scalar(param, item, dialect) for item in raw)
    return given + param.default[len(given) :]


def parse_base(param: Param, raw: Raw) -> int | tuple[int, ...]:
    """Return the value of a parameter given by a program: a plain number is in the base unit."""
    if isinstance(raw, int) and not isinstance(param.default, tuple):
        return check_range(param, int(raw))
    return parse_value(param, raw)


def _flag(raw: object) -> int:
    if isinstance(raw, bool):
        return int(raw)
    if raw in (0, 1, "0", "1"):
        return int(raw)
    if isinstance(raw, str) and raw.lower() in ("on", "true", "yes", "off", "false", "no"):
        return int(raw.lower() in ("on", "true", "yes"))
    raise UnitError(f"{shown(raw)} is neither true nor false")


def resolve_options(
    options: Options, params: Sequence[Param], where: str = ""
) -> tuple[Values, tuple[Diagnostic, ...]]:
    """Return the values that the options set and what is wrong with the others.

    `where` names the owner in messages, e.g. "qdisc eth0 1:". A tc word may be followed by its
    value(s); a bool parameter is a flag, `noNAME` clears it.
    """
    by_name = {param.name: param for param in params}
    values: Values = {}
    problems: list[Diagnostic] = []
    for setting in options.settings:
        param = _find(setting.name, by_name)
        if param is None:
            problems.append(_unknown(setting.name, by_name, where, setting.line, 0))
            continue
        try:
            values[param.name] = parse_value(param, setting.value)
        except UnitError as error:
            problems.append(_bad(error, f"{where} {setting.name}", setting.line, 0, 0))
    _resolve_words(options.words, by_name, where, values, problems)
    return values, tuple(problems)


def _resolve_words(
    words: Sequence[Word],
    by_name: Mapping[str, Param],
    where: str,
    values: Values,
    problems: list[Diagnostic],
) -> None:
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        flag = _negated(word.text, by_name)
        if flag is not None:
            values[flag.name] = 0
            continue
        param = _find(word.text, by_name)
        if param is None:
            problems.append(_unknown(word.text, by_name, where, word.line, word.column))
            return  # what follows may be its value
        if param.kind is Kind.BOOL and not isinstance(param.default, tuple):
            values[param.name] = 1
            continue
        taken = _values_at(param, words, index)
        if not taken:
            error = UnitError(f"{word.text} needs a value")
            problems.append(_bad(error, where, word.line, word.column, len(word.text)))
            return
        index += len(taken)
        raw: Raw = tuple(w.text for w in taken)
        try:
            many = isinstance(param.default, tuple)
            values[param.name] = parse_value(param, raw if many else taken[0].text, "tc")
        except UnitError as error:
            first = taken[0]
            problems.append(
                _bad(error, f"{where} {word.text}", first.line, first.column, len(first.text))
            )


def _values_at(param: Param, words: Sequence[Word], index: int) -> Sequence[Word]:
    if not isinstance(param.default, tuple):
        return words[index : index + 1]
    end = index
    while end < len(words) and words[end].text[:1].isdigit():
        end += 1
    return words[index:end]


def _find(word: str, by_name: Mapping[str, Param]) -> Param | None:
    name = word.replace("-", "_")
    found = by_name.get(name) or by_name.get(name.lower())
    return found or by_name.get(ALIASES.get(name, ""))


def _negated(word: str, by_name: Mapping[str, Param]) -> Param | None:
    name = word.replace("-", "_")
    if name in by_name or not name.startswith("no"):
        return None
    param = by_name.get(name[2:].removeprefix("_"))
    return param if param is not None and param.kind is Kind.BOOL else None


def _unknown(
    word: str, by_name: Mapping[str, Param], where: str, line: int, column: int
) -> Diagnostic:
    hint = did_you_mean(word, by_name) or "its program has no parameters"
    return Diagnostic(
        slug="unknown-option",
        message=f"{where.rstrip(':')}: unknown option {shown(word)}".removeprefix(": "),
        line=line,
        column=column,
        end_line=line,
        end_column=column + len(word) if column else 0,
        hint=hint,
        source="scenario",
    )


def _bad(error: UnitError, where: str, line: int, column: int, length: int) -> Diagnostic:
    return Diagnostic(
        slug="bad-value",
        message=f"{where.strip().rstrip(':')}: {error.message}".removeprefix(": "),
        line=line,
        column=column,
        end_line=line,
        end_column=column + length if column else 0,
        hint=error.hint,
        source="scenario",
    )
