"""The part of a tc filter line from its kind on.

U32, fw, matchall and bpf, with classid and action.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sandbox.diagnostics import Diagnostic
from sandbox.scenario.model import ETH_P_ALL, Key, ProgramRef, Word
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import parse_classid
from sandbox.scenario.tc.u32 import Match, parse_match
from sandbox.scenario.tc.words import Cursor, number_of, tc_error
from sandbox.units import UnitError, shown

KINDS = ("u32", "fw", "matchall", "bpf")
LATER = ("flower", "basic", "flow", "cgroup", "route", "tcindex", "rsvp")
_ACTIONS: dict[str, Literal["pass", "drop"]] = {
    "drop": "drop", "shot": "drop", "pass": "pass", "ok": "pass",
}  # fmt: skip


@dataclass(slots=True)
class Tail:
    """What a filter line says from `handle` on."""

    kind: Literal["u32", "fw", "matchall", "bpf"] = "matchall"
    handle: Word | None = None
    keys: tuple[Key, ...] = ()
    mark: int = 0
    mark_mask: int = 0
    program: ProgramRef | None = None
    classid: int = 0
    action: Literal["", "pass", "drop"] = ""
    protocols: set[int] = field(default_factory=set)
    advice: list[Diagnostic] = field(default_factory=list)


def classid_of(word: Word) -> int:
    """Return the class id that a word says."""
    try:
        return parse_classid(word.text)
    except UnitError as error:
        raise tc_error(word, error.message, error.hint) from None


def parse_tail(words: Cursor, programs: frozenset[str], handle: Word | None = None) -> Tail:
    """Read a filter from its kind on; `programs` are the names that bpf may use."""
    tail = Tail(handle=handle)
    if words.accept("handle"):
        tail.handle = words.take("a handle")
    kind = words.take("a kind of filter: " + ", ".join(KINDS))
    match kind.text:
        case "u32":
            tail.kind = "u32"
        case "fw":
            tail.kind = "fw"
        case "matchall":
            tail.kind = "matchall"
        case "bpf":
            tail.kind = "bpf"
        case other:
            hint = did_you_mean(other, KINDS)
            message = f"no filter kind {shown(other)}"
            if other in LATER:
                message = f"the filter kind {shown(other)} is not simulated"
                hint = "the kinds here are " + ", ".join(KINDS)
            raise tc_error(kind, message, hint)
    _options(words, tail, programs)
    if tail.kind == "fw":
        _mark(kind, tail)
    if tail.kind == "u32" and not (tail.keys or tail.mark_mask):
        raise tc_error(
            kind, "u32 matches nothing", 'write "match u32 0 0 at 0" to match all packets'
        )
    if tail.kind == "bpf" and tail.program is None:
        raise tc_error(kind, "bpf names no program", 'write "bpf obj NAME" with a [program] NAME')
    return tail


def _options(words: Cursor, tail: Tail, programs: frozenset[str]) -> None:
    match = Match()
    while not words.done:
        word = words.take("an option")
        if word.text in ("classid", "flowid"):
            tail.classid = classid_of(words.take("a class id"))
        elif word.text == "action":
            tail.action = _action(words)
        elif tail.kind == "u32" and word.text == "match":
            parse_match(words, match)
            if match.beyond_header:
                tail.advice.append(_nexthdr_advice(word))
        elif tail.kind == "bpf" and word.text in ("obj", "object-file", "program"):
            tail.program = _program(words.take("a program"), programs)
        elif tail.kind == "bpf" and word.text in ("da", "direct-action"):
            pass  # classify returns the class id itself, which is what this flag says
        elif tail.kind == "u32" and word.text in ("divisor", "ht", "link", "hashkey", "offset"):
            raise tc_error(word, f"u32 hash tables ({word.text}) are not simulated")
        else:
            known = ["classid", "flowid", "action"]
            known += {"u32": ["match"], "bpf": ["obj", "da"]}.get(tail.kind, [])
            hint = did_you_mean(word.text, known)
            raise tc_error(word, f"unknown word {shown(word.text)} in a {tail.kind} filter", hint)
    tail.keys = tuple(match.keys)
    tail.mark, tail.mark_mask = match.mark, match.mark_mask
    tail.protocols = match.protocols - {ETH_P_ALL}


def _action(words: Cursor) -> Literal["pass", "drop"]:
    words.accept("gact")
    word = words.take("drop or pass")
    if word.text not in _ACTIONS:
        hint = "the actions here are drop and pass"
        raise tc_error(word, f"the action {shown(word.text)} is not simulated", hint)
    return _ACTIONS[word.text]


def _program(word: Word, programs: frozenset[str]) -> ProgramRef:
    if word.text not in programs:
        hint = did_you_mean(word.text, sorted(programs))
        raise tc_error(word, f"no [program] {shown(word.text)}", hint, "unknown-program")
    return ProgramRef(origin="shared", name=word.text, line=word.line)


def _mark(kind: Word, tail: Tail) -> None:
    if tail.handle is None:
        raise tc_error(kind, "fw has no handle", 'write "handle 6 fw classid 1:1" to match mark 6')
    value, slash, mask = tail.handle.text.partition("/")
    tail.mark = number_of(tail.handle, value, "mark", 0, 0xFFFFFFFF)
    tail.mark_mask = 0xFFFFFFFF
    if slash:
        tail.mark_mask = number_of(tail.handle, mask, "mask", 1, 0xFFFFFFFF)
    tail.mark &= tail.mark_mask


def _nexthdr_advice(word: Word) -> Diagnostic:
    return Diagnostic(
        slug="tc-nexthdr",
        message="here this looks at the real transport header",
        line=word.line,
        column=word.column,
        end_line=word.line,
        end_column=word.column + len(word.text) if word.column else 0,
        severity="advice",
        hint='on Linux it needs a hash table with "offset"; "match ip dport" needs none',
        source="scenario",
    )
