"""Read `[[filter]]`: the match shorthand, a tc match or a program, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sandbox.scenario import keys
from sandbox.scenario.attach import Attachments, over_limit
from sandbox.scenario.lines import Path
from sandbox.scenario.model import ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, MAX_FILTERS, Filter, Key
from sandbox.scenario.options import did_you_mean
from sandbox.scenario.reader import Problems, Read, dotted, read_table
from sandbox.scenario.tc.filters import parse_tail
from sandbox.scenario.tc.u32 import address_keys, pack
from sandbox.scenario.tc.words import Cursor, TcError, split_lines
from sandbox.units import shown


class FilterReader:
    """Reads the filters of a scenario; it knows what they may name."""

    def __init__(self, problems: Problems, attached: Attachments) -> None:
        self.problems = problems
        self.attached = attached

    def read(self, data: object) -> list[Filter]:
        """Read `[[filter]]`, in order."""
        if not isinstance(data, list):
            self.problems.add(
                "wrong-type", ("filter",), "filter is not a list", "filters are written [[filter]]"
            )
            return []
        over_limit(self.problems, ("filter",), len(data), MAX_FILTERS)
        found: list[Filter] = []
        for index, raw in enumerate(data[:MAX_FILTERS]):
            path: Path = ("filter", index)
            values = read_table(self.problems, keys.FILTER, raw, path)
            if values is None or "parent" not in values:
                continue
            address = self.attached.address(values["parent"], (*path, "parent"))
            if address is not None:
                one = self._filter(values, path, address)
                if one is not None:
                    names = self.attached.flows_of(one.flow)
                    found.extend(replace(one, flow=name) for name in names)
        return found

    def _filter(self, values: Read, path: Path, address: tuple[str, int]) -> Filter | None:
        ways = [way for way in ("match", "tc", "program") if way in values]
        if len(ways) != 1:
            message = f"{dotted(path)} needs one of match, tc and program"
            hint = "match = {} matches every packet"
            self.problems.add("missing-key", path, message, hint)
            return None
        fields: dict[str, Any] = {"kind": "match"}
        if ways == ["match"]:
            matched = self._match(values, path)
            if matched is None:
                return None
            fields |= matched
        elif ways == ["tc"]:
            parsed = self._tc_match(values["tc"], (*path, "tc"))
            if parsed is None:
                return None
            fields |= parsed
        else:
            program = self.attached.named_program(values["program"], (*path, "program"))
            if program is None:
                return None
            fields |= {"kind": "bpf", "program": program}
        for name in ("classid", "action"):
            if values.get(name):
                fields[name] = values[name]
        fields.setdefault("protocol", keys.PROTOCOLS[values.get("protocol", "all")])
        if not fields.get("classid") and not fields.get("action") and fields["kind"] != "bpf":
            message = f"{dotted(path)} has neither classid nor action"
            self.problems.add("missing-key", path, message, 'write for example classid = "1:10"')
            return None
        line = self.problems.line(path)
        return Filter(
            device=address[0], parent=address[1], prio=values.get("prio", 0), line=line, **fields
        )

    def _tc_match(self, text: str, path: Path) -> dict[str, Any] | None:
        line, column = self.problems.places.text_start(path)
        commands = split_lines(text, line, column)
        if len(commands) != 1:
            message = f"{dotted(path)} holds {len(commands)} lines, expected one"
            self.problems.add("tc-syntax", path, message, "write one [[filter]] for each")
            return None
        try:
            tail = parse_tail(Cursor(commands[0]), frozenset(self.attached.programs))
        except TcError as error:
            self.problems.put(error.diagnostic)
            return None
        for advice in tail.advice:
            self.problems.put(advice)
        fields: dict[str, Any] = {
            "kind": tail.kind, "keys": tail.keys, "mark": tail.mark, "mark_mask": tail.mark_mask,
            "program": tail.program, "classid": tail.classid, "action": tail.action,
        }  # fmt: skip
        if len(tail.protocols) == 1:
            fields["protocol"] = next(iter(tail.protocols))
        return fields

    def _match(self, values: Read, path: Path) -> dict[str, Any] | None:
        where: Path = (*path, "match")
        match = read_table(self.problems, keys.MATCH, values["match"], where)
        if match is None:
            return None
        protocol = keys.PROTOCOLS[values.get("protocol", "all")]
        fields: dict[str, Any] = {}
        if "flow" in match:
            if match["flow"] not in self.attached.flows:
                hint = did_you_mean(match["flow"], self.attached.flows)
                self.problems.add(
                    "unknown-flow", (*where, "flow"), f"no flow {shown(match['flow'])}", hint
                )
                return None
            fields["flow"] = match["flow"]
        versions = {match[side].version for side in ("src", "dst") if side in match}
        if len(versions) > 1:
            self.problems.add("bad-value", where, "src and dst are of different IP versions")
            return None
        header = versions or bool({"dscp", "l4"} & match.keys())
        if header and protocol == ETH_P_ALL:
            protocol = ETH_P_IPV6 if 6 in versions else ETH_P_IP
        if versions and protocol != (ETH_P_IPV6 if 6 in versions else ETH_P_IP):
            self.problems.add("bad-value", where, "the addresses do not fit the protocol")
            return None
        fields |= {"protocol": protocol, "keys": tuple(_match_keys(match, protocol == ETH_P_IPV6))}
        if "mark" in match:
            fields |= {"mark": match["mark"], "mark_mask": 0xFFFFFFFF}
        for name in ("vlan", "priority"):
            if name in match:
                fields[name] = match[name]
        return fields


def _match_keys(match: Read, six: bool) -> Iterator[Key]:
    for side in ("src", "dst"):
        if side in match:
            address = match[side]
            yield from address_keys(int(address.ip), int(address.netmask), address.version, side)
    if "l4" in match:
        yield pack(6 if match["l4"] == "tcp" else 17, 0xFF, 8, 6 if six else 9)
    if "dscp" in match:
        shift, mask = (22, 0xFC00000) if six else (18, 0xFC0000)
        yield Key(value=match["dscp"] << shift, mask=mask, offset=0)
    for side, offset in (("sport", 0), ("dport", 2)):
        if side in match:
            yield pack(match[side], 0xFFFF, 16, offset, transport=True)
