"""Apply tc commands to a scenario before it starts, and check that the tree of qdiscs hangs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sandbox.diagnostics import Diagnostic
from sandbox.scenario.model import (
    MAX_CLASSES,
    MAX_FILTERS,
    MAX_QDISCS,
    ROOT,
    Class,
    Command,
    Filter,
    Qdisc,
    Scenario,
)
from sandbox.scenario.reader import Problems, show_classid
from sandbox.units import shown

AUTO_HANDLE = 0x80010000  # tc names a qdisc without a handle 8001:, 8002:, …


def apply_commands(problems: Problems, scenario: Scenario, commands: Sequence[Command]) -> Scenario:
    """Return the scenario after these commands, in order; what cannot be applied is noted."""
    qdiscs, classes = list(scenario.qdiscs), list(scenario.classes)
    filters = list(scenario.filters)
    for command in commands:
        subject = command.subject
        if isinstance(subject, Qdisc):
            message = _apply_qdisc(qdiscs, subject, command.verb)
        elif isinstance(subject, Class):
            message = _apply_class(classes, subject, command.verb)
        else:
            message = _apply_filter(filters, subject, command.verb)
        if message:
            problems.put(_at(command.line, "tc-refused", message))
    roots = {qdisc.device: qdisc.handle for qdisc in qdiscs if qdisc.parent == ROOT}
    filters = [
        replace(f, parent=roots.get(f.device, ROOT)) if f.parent == ROOT else f for f in filters
    ]
    return replace(scenario, qdiscs=tuple(qdiscs), classes=tuple(classes), filters=tuple(filters))


def _apply_qdisc(qdiscs: list[Qdisc], subject: Qdisc, verb: str) -> str:
    def same_place(other: Qdisc) -> bool:
        if other.device != subject.device:
            return False
        if not subject.parent:
            return other.handle == subject.handle
        return other.parent == subject.parent and other.queue == subject.queue

    index = next((i for i, other in enumerate(qdiscs) if same_place(other)), -1)
    place = "root" if subject.parent == ROOT else show_classid(subject.parent or subject.handle)
    if verb == "del":
        if index < 0:
            return f"no qdisc at {place} of {subject.device} to delete"
        del qdiscs[index]
        return ""
    if verb == "add" and index >= 0:
        return f"{subject.device} has a qdisc at {place} already"
    if verb == "change" and index < 0:
        return f"no qdisc at {place} of {subject.device} to change"
    if subject.handle == 0:
        subject = replace(subject, handle=_free_handle(qdiscs, subject.device))
    if index < 0:
        qdiscs.append(subject)
        return ""
    old = qdiscs[index]
    if verb == "change" or (subject.parent == 0 and old.handle == subject.handle):
        if subject.program.name not in ("", old.program.name):
            return (
                f"a change cannot make a {shown(subject.program.name)} of {shown(old.program.name)}"
            )
        words = old.options.words + subject.options.words
        qdiscs[index] = replace(old, options=replace(old.options, words=words))
    else:
        qdiscs[index] = subject
    return ""


def _free_handle(qdiscs: list[Qdisc], device: str) -> int:
    used = {qdisc.handle for qdisc in qdiscs if qdisc.device == device}
    handle = AUTO_HANDLE
    while handle in used:
        handle += 0x10000
    return handle


def _apply_class(classes: list[Class], subject: Class, verb: str) -> str:
    def same(other: Class) -> bool:
        return (other.device, other.classid) == (subject.device, subject.classid)

    index = next((i for i, other in enumerate(classes) if same(other)), -1)
    name = show_classid(subject.classid)
    if verb in ("del", "change") and index < 0:
        return f"no class {name} on {subject.device} to {verb.replace('del', 'delete')}"
    if verb == "add" and index >= 0:
        return f"{subject.device} has a class {name} already"
    if verb == "del":
        del classes[index]
    elif index < 0:
        classes.append(subject)
    else:
        old = classes[index]
        words = old.options.words + subject.options.words if verb == "change" else None
        options = replace(old.options, words=words) if words is not None else subject.options
        classes[index] = replace(old, options=options)
    return ""


def _apply_filter(filters: list[Filter], subject: Filter, verb: str) -> str:
    def same(other: Filter) -> bool:
        place = (other.device, other.parent) == (subject.device, subject.parent)
        return place and subject.prio in (0, other.prio)

    if verb == "del":
        left = [other for other in filters if not same(other)]
        if len(left) == len(filters):
            return f"no such filter at {show_classid(subject.parent)} to delete"
        filters[:] = left
    elif verb == "add":
        filters.append(subject)
    else:
        return f"filter {verb} is not simulated; delete it and add another"
    return ""


def check_tree(problems: Problems, scenario: Scenario) -> None:
    """Note what refers to a handle that does not exist, stands twice, or runs in a circle."""
    handles: dict[str, dict[int, Qdisc]] = {device.name: {} for device in scenario.devices}
    queues = {device.name: device.tx_queues for device in scenario.devices}
    places: set[tuple[str, int, int]] = set()
    for qdisc in scenario.qdiscs:
        here = f"qdisc {qdisc.device} {show_classid(qdisc.handle)}"
        own = handles.setdefault(qdisc.device, {})
        if qdisc.handle in own:
            problems.put(_at(qdisc.line, "duplicate", f"{here} is there twice"))
        own[qdisc.handle] = qdisc
        place = (qdisc.device, qdisc.parent, qdisc.queue)
        if place in places:
            message = f"{here} takes a place that another qdisc has"
            problems.put(_at(qdisc.line, "duplicate", message))
        places.add(place)
        if qdisc.queue >= queues.get(qdisc.device, 1):
            message = f"{here}: tx queue {qdisc.queue} does not exist"
            hint = f"{qdisc.device} has tx_queues = {queues.get(qdisc.device, 1)}"
            problems.put(_at(qdisc.line, "bad-value", message, hint))
    _check_mixed_roots(problems, scenario)
    for qdisc in scenario.qdiscs:
        if qdisc.parent != ROOT:
            here = f"qdisc {show_classid(qdisc.handle)}"
            _need(problems, handles, qdisc.device, qdisc.parent, here, qdisc.line)
    for one in scenario.classes:
        here = f"class {show_classid(one.classid)}"
        _need(problems, handles, one.device, one.classid, here, one.line)
        if one.parent >> 16 != one.classid >> 16:
            message = f"{here} and its parent {show_classid(one.parent)} are of different qdiscs"
            problems.put(_at(one.line, "bad-value", message))
    for filter_ in scenario.filters:
        _need(problems, handles, filter_.device, filter_.parent, "the filter", filter_.line)
    _check_circles(problems, handles)
    _check_counts(problems, scenario)


def _need(
    problems: Problems,
    handles: dict[str, dict[int, Qdisc]],
    device: str,
    classid: int,
    what: str,
    line: int,
) -> None:
    own = handles.get(device, {})
    if classid & 0xFFFF0000 in own or classid == ROOT:
        return
    major = show_classid(classid & 0xFFFF0000)
    hint = "handles here: " + (", ".join(show_classid(h) for h in own) or "none")
    problems.put(_at(line, "unknown-handle", f'{what} has no parent "{major}"', hint))


def _check_mixed_roots(problems: Problems, scenario: Scenario) -> None:
    for device in scenario.devices:
        roots = [q for q in scenario.qdiscs if q.device == device.name and q.parent == ROOT]
        if len({q.queue < 0 for q in roots}) > 1:
            message = f"{device.name} has a root for all tx queues and one for a single queue"
            problems.put(_at(roots[-1].line, "duplicate", message, "use one or the other"))


def _check_circles(problems: Problems, handles: dict[str, dict[int, Qdisc]]) -> None:
    for own in handles.values():
        for start in own.values():
            seen: set[int] = set()
            qdisc: Qdisc | None = start
            while qdisc is not None and qdisc.parent != ROOT and qdisc.handle not in seen:
                seen.add(qdisc.handle)
                qdisc = own.get(qdisc.parent & 0xFFFF0000)
            if qdisc is not None and qdisc.handle in seen:
                name = show_classid(start.handle)
                problems.put(_at(start.line, "tree-circle", f"qdisc {name} is its own ancestor"))
                return


def _check_counts(problems: Problems, scenario: Scenario) -> None:
    for what, count, limit in (
        ("qdiscs", len(scenario.qdiscs), MAX_QDISCS),
        ("classes", len(scenario.classes), MAX_CLASSES),
        ("filters", len(scenario.filters), MAX_FILTERS),
    ):
        if count > limit:
            message = f"there are {count} {what}, the limit is {limit}"
            problems.put(Diagnostic(slug="limit-scenario", message=message, source="scenario"))


def _at(line: int, slug: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(
        slug=slug, message=message, line=line, end_line=line, hint=hint, source="scenario"
    )
