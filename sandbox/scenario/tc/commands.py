"""Whole tc(8) lines: `qdisc`, `class` and `filter` with add, replace, change and del."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sandbox.diagnostics import Diagnostic
from sandbox.scenario.keys import PROTOCOLS
from sandbox.scenario.model import (
    ETH_P_ALL,
    ROOT,
    Class,
    Command,
    Filter,
    Options,
    ProgramRef,
    Qdisc,
    Word,
)
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.tc.filters import classid_of, parse_tail
from sandbox.scenario.tc.words import MAX_LINES, MAX_WORDS, Cursor, TcError, split_lines, tc_error
from sandbox.units import shown

Verb = Literal["add", "replace", "change", "del"]
_VERBS: dict[str, Verb] = {
    "add": "add", "replace": "replace", "change": "change", "del": "del", "delete": "del",
}  # fmt: skip


@dataclass(slots=True)
class _Line:
    """The head of one command: what comes before the kind."""

    device: str = ""
    parent: int | None = None
    handle: Word | None = None
    classid: int = 0
    protocol: int = ETH_P_ALL
    prio: int = 0


def parse_lines(
    text: str,
    *,
    devices: Collection[str],
    programs: Collection[str] = (),
    line: int = 1,
    column: int = 1,
) -> tuple[tuple[Command, ...], tuple[Diagnostic, ...]]:
    """Return the commands of a tc text and what is wrong with its other lines.

    `devices` and `programs` are the names it may use; `line` and `column` say where the text
    begins.
    """
    commands: list[Command] = []
    problems: list[Diagnostic] = []
    lines = split_lines(text, line, column)
    for words in lines[:MAX_LINES]:
        try:
            if len(words) > MAX_WORDS:
                raise tc_error(
                    words[0], f"a tc line has {len(words)} words, the limit is {MAX_WORDS}"
                )
            command, advice = _command(Cursor(words), devices, frozenset(programs))
            commands.append(command)
            problems += advice
        except TcError as error:
            problems.append(error.diagnostic)
    if len(lines) > MAX_LINES:
        message = f"{len(lines)} tc lines, the limit is {MAX_LINES}"
        problems.append(tc_error(lines[MAX_LINES][0], message, slug="limit-scenario").diagnostic)
    return tuple(commands), tuple(problems)


def _command(
    words: Cursor, devices: Collection[str], programs: frozenset[str]
) -> tuple[Command, list[Diagnostic]]:
    words.accept("tc")
    first = words.take("qdisc, class or filter")
    if first.text not in ("qdisc", "class", "filter"):
        hint = did_you_mean(first.text, ("qdisc", "class", "filter"))
        raise tc_error(first, f"no tc object {shown(first.text)}", hint)
    verb_word = words.take("add, replace, change or del")
    if verb_word.text not in _VERBS:
        hint = did_you_mean(verb_word.text, _VERBS)
        raise tc_error(verb_word, f"no tc command {shown(verb_word.text)}", hint)
    verb = _VERBS[verb_word.text]
    head = _head(words, first.text, devices)
    if not head.device:
        raise tc_error(first, f"the {first.text} names no device", 'write for example "dev eth0"')
    advice: list[Diagnostic] = []
    subject: Qdisc | Class | Filter
    if first.text == "qdisc":
        subject = _qdisc(words, first, head, verb, programs)
    elif first.text == "class":
        subject = _class(words, first, head, verb)
    else:
        subject, advice = _filter(words, first, head, verb, programs)
    return Command(verb=verb, subject=subject, line=first.line), advice


def _head(words: Cursor, subject: str, devices: Collection[str]) -> _Line:
    head = _Line()
    while not words.done:
        if words.accept("dev"):
            word = words.take("a device")
            if word.text not in devices:
                hint = did_you_mean(word.text, devices)
                raise tc_error(word, f"no device {shown(word.text)}", hint, "unknown-device")
            head.device = word.text
        elif words.accept("root"):
            head.parent = ROOT
        elif words.accept("parent"):
            head.parent = classid_of(words.take("a parent such as 1:"))
        elif words.accept("handle"):
            head.handle = words.take("a handle")
        elif subject == "class" and words.accept("classid"):
            head.classid = classid_of(words.take("a class id"))
        elif subject == "filter" and words.accept("protocol"):
            word = words.take("a protocol")
            if word.text not in PROTOCOLS:
                hint = did_you_mean(word.text, PROTOCOLS)
                raise tc_error(word, f"no protocol {shown(word.text)}", hint)
            head.protocol = PROTOCOLS[word.text]
        elif subject == "filter" and words.accept("prio", "pref", "preference"):
            head.prio = words.number("prio", 1, 65535)
        else:
            break
    return head


def _qdisc(words: Cursor, first: Word, head: _Line, verb: Verb, programs: frozenset[str]) -> Qdisc:
    handle = classid_of(head.handle) if head.handle is not None else 0
    if handle & 0xFFFF:
        raise tc_error(
            head.handle or first, "the handle of a qdisc ends with its colon", 'as "10:"'
        )
    parent = head.parent
    if parent is None:
        if verb == "add" or handle == 0:
            raise tc_error(first, "the qdisc has no parent", 'write "root" or "parent 1:10"')
        parent = 0  # change and del by handle alone
    name = ""
    line = first.line
    if verb != "del" or not words.done:
        word = words.take("a kind of qdisc")
        name, line = word.text, word.line
    origin: Literal["shared", "library"] = "shared" if name in programs else "library"
    return Qdisc(
        device=head.device,
        handle=handle,
        parent=parent,
        program=ProgramRef(origin=origin, name=name, line=line),
        options=Options(words=words.rest()),
        line=first.line,
    )


def _class(words: Cursor, first: Word, head: _Line, verb: Verb) -> Class:
    if not head.classid & 0xFFFF:
        raise tc_error(first, "the class has no classid", 'write for example "classid 1:10"')
    if head.parent is None and verb == "add":
        raise tc_error(first, "the class has no parent", 'write for example "parent 1:"')
    kind = "" if verb == "del" and words.done else words.take("a kind of class").text
    return Class(
        device=head.device,
        classid=head.classid,
        parent=head.classid & 0xFFFF0000 if head.parent in (None, ROOT) else head.parent or 0,
        kind=kind,
        options=Options(words=words.rest()),
        line=first.line,
    )


def _filter(
    words: Cursor, first: Word, head: _Line, verb: Verb, programs: frozenset[str]
) -> tuple[Filter, list[Diagnostic]]:
    if head.parent is None:
        raise tc_error(first, "the filter has no parent", 'write for example "parent 1:"')
    if verb == "del" and words.done:
        subject = Filter(
            device=head.device,
            parent=head.parent,
            kind="matchall",
            prio=head.prio,
            protocol=head.protocol,
            line=first.line,
        )
        return subject, []
    tail = parse_tail(words, programs, head.handle)
    if verb != "del" and not tail.classid and not tail.action and tail.kind != "bpf":
        raise tc_error(first, "the filter has no classid and no action", 'write "classid 1:10"')
    wrong = tail.protocols - {head.protocol}
    if wrong and head.protocol != ETH_P_ALL:
        raise tc_error(first, "the match is for another protocol than the filter's")
    return Filter(
        device=head.device,
        parent=head.parent,
        kind=tail.kind,
        prio=head.prio,
        protocol=head.protocol,
        keys=tail.keys,
        mark=tail.mark,
        mark_mask=tail.mark_mask,
        program=tail.program,
        classid=tail.classid,
        action=tail.action,
        line=first.line,
    ), tail.advice
