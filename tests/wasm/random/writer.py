"""Writer: random programs in the whole language, put together from forms and mended until they are accepted.

A function that the checker refuses is written anew, a little smaller, so that nearly every program
runs. What is drawn comes from one random.Random: the same seed gives the same program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from sandbox.language.check import check
from tests.wasm.random import forms

MENDS = 30
LITERALS = (0, 1, 2, 3, 5, 7, 63, 64, 255, 1514, 65_535, 1 << 31, (1 << 62) + 3, (1 << 63) - 1)
ROLES = ("peek", "init", "reset", "timer", "egress", "classify")
QDISC = {"enqueue", "dequeue", "peek", "init", "reset", "timer"}
WITH_SKB = {"enqueue", "egress", "classify"}
# What may be done where beside the names of roles themselves.
MAY: dict[str, set[str]] = {
    "child": {"enqueue", "dequeue", "timer"},
    "childpeek": {"enqueue", "dequeue", "timer", "peek"},
    "timer_after": {"enqueue", "dequeue", "init", "timer"},
    "classid": {"enqueue", "dequeue"},
    "mark": {"enqueue", "egress"},
}
LOST = {"enqueue": "DROP", "egress": "OK", "classify": "0"}
WRITTEN = re.compile(r"^\s*(g|h|busy) (?:[-+*%&|^]|//|<<|>>)?= ", re.MULTILINE)
GAP = re.compile(r"\{(\w)\}")
DEEP = 3  # from here on expressions and blocks end
RISKY = 0.02  # how often a value that may stop the run stands in a gap


@dataclass(frozen=True)
class Place:
    """Where text is written: what is at hand there, and the packet's name."""

    has: frozenset[str]
    packet: str = "skb"
    depth: int = 0
    loops: int = 0


class Writer:
    """One program in the making; `program` is its text."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        names = list(forms.DECLARED)
        self.maps = {"q", *draw.sample(names, draw.randint(3, 8))}
        if "flows" in self.maps:
            self.maps |= {"others", "rows", "ints", "undo"}
        self.declared = {n: draw.choice(texts) for n, texts in forms.DECLARED.items()}
        self.size = draw.randint(1, 6)
        helpers = [n for n in forms.HELPERS if "flows" in self.maps or n not in ("touch", "find")]
        roles = [role for role in ROLES if draw.random() < 0.3]
        self.functions = {n: self.function(n) for n in (*helpers, "enqueue", "dequeue", *roles)}

    def program(self) -> str:
        """Return a text that the checker accepts, if one is found in reasonable time."""
        for mend in range(MENDS):
            text, lines = self.joined()
            wrong = [one for one in check(text, "random").diagnostics if one.severity == "error"]
            if not wrong:
                break
            self.size = min(self.size, max(0, 6 - mend // 3))
            blamed = {lines[one.line] for one in wrong if one.line in lines}
            for name in sorted(blamed or self.functions):
                self.functions[name] = self.function(name)
        return text

    def joined(self) -> tuple[str, dict[int, str]]:
        """Return the whole text, and which function each of its lines is in."""
        declared = [text for name, text in self.declared.items() if name in self.maps]
        lines = forms.HEAD.split("\n")
        if any("before" in text for text in declared):
            lines += [*forms.BEFORE.split("\n"), ""]
        lines += declared
        lines += forms.GLOBALS.values()
        owners: dict[int, str] = {}
        for name, text in self.functions.items():
            lines += ["", ""]
            for line in text.split("\n"):
                lines.append(line)
                owners[len(lines)] = name
        return "\n".join(lines) + "\n", owners

    # --- functions --------------------------------------------------------------------------------

    def function(self, name: str) -> str:
        """Return one function."""
        if name in forms.HELPERS:
            head, needs, ends = forms.HELPERS[name]
            has = {*self.maps, *needs.split()}
            lines = [] if "y" in head else ["y = 3"]
        else:
            head = "skb, ctx" if name in WITH_SKB else "ctx"
            has = self.at_hand(name)
            ends = forms.ENDS[name]
            lines = (
                ["x = skb.len", "y = skb.hash"] if name in WITH_SKB else ["x = ctx.now", "y = 3"]
            )
            if "f" in has:
                lines += ["f = flows.lookup_or_init(x & 3)", "if f is None:"]
                lines.append(f"    return {LOST.get(name, 'None')}")
        place = Place(frozenset(has))
        lines += self.body(place, self.draw.randint(0, self.size))
        lines += self.form(ends, place).split("\n")
        text = "\n".join(indented(lines))
        written = sorted(set(WRITTEN.findall(text)))
        stated = [f"    global {', '.join(written)}"] if written else []
        return "\n".join([f"def {name}({head}):", *stated, text])

    def at_hand(self, role: str) -> set[str]:
        """Return what an entry point has."""
        has = {"ctx", "calls", role, *self.maps}
        has |= {what for what, roles in MAY.items() if role in roles}
        if "children" not in self.maps:
            has -= {"child", "childpeek"}
        if role in QDISC:
            has.add("qdisc")
        if role in WITH_SKB:
            has |= {"p", "own"}
        if (
            "flows" in self.maps
            and role in ("enqueue", "dequeue", "egress")
            and self.draw.random() < 0.5
        ):
            has.add("f")
        return has

    # --- statements -------------------------------------------------------------------------------

    def body(self, place: Place, count: int) -> list[str]:
        """Return lines of random statements."""
        return [line for _ in range(count) for line in self.statement(place)]

    def statement(self, place: Place) -> list[str]:
        """Return the lines of one statement."""
        draw, kind = self.draw, self.draw.random()
        inner = replace(place, depth=place.depth + 1)
        if kind < 0.35 or inner.depth > DEEP:
            sign = draw.choice(["=", "=", "+=", "-=", "^=", "*=", "|=", "&=", ">>=", "<<="])
            return [f"{self.form(forms.TARGETS, inner)} {sign} {self.gap('a', inner)}"]
        if kind < 0.65:
            return self.form(forms.EFFECTS, inner).split("\n")
        if kind < 0.83 or place.loops == 2:
            lines = [f"if {self.gap('t', inner)}:", *indented(self.body(inner, draw.randint(1, 2)))]
            if draw.random() < 0.3:
                lines += [f"elif {self.gap('t', inner)}:", *indented(self.body(inner, 1))]
            return lines + (
                ["else:", *indented(self.body(inner, 1))] if draw.random() < 0.5 else []
            )
        inner = replace(inner, loops=place.loops + 1)
        head, body, rest = self.form(forms.LOOPS, inner).partition("BODY")
        lines = head.rstrip("\n").split("\n")
        return [
            *lines,
            *(indented(self.body(inner, draw.randint(1, 2))) if body else []),
            *rest.split("\n")[1:],
        ]

    # --- expressions --------------------------------------------------------------------------------

    def form(self, table: Sequence[forms.Form], place: Place) -> str:
        """Return the text of a form whose needs are at hand, its gaps filled."""
        fitting = [text for needs, text in table if place.has.issuperset(needs.split())]
        return self.fill(self.draw.choice(fitting), place)

    def fill(self, text: str, place: Place) -> str:
        """Return a text without gaps."""
        inner = replace(place, depth=place.depth + 1)
        if "PUSH_B" in text:
            text = text.replace("PUSH_B", self.form(forms.PUSHES, replace(inner, packet="b")))
        return GAP.sub(lambda gap: self.gap(gap[1], inner), text)

    def gap(self, letter: str, place: Place) -> str:
        """Return what stands in a gap."""
        tables = {"q": forms.PUSHES, "o": forms.POPS}
        if letter in tables:
            return self.form(tables[letter], place)
        if letter == "p":
            return place.packet
        if letter == "a":
            if place.depth > DEEP or self.draw.random() < 0.35:
                return self.draw.choice(["x", "y", "x", "y", str(self.draw.choice(LITERALS))])
            return self.form(forms.INTS, place)
        if letter == "t":
            return self.form(forms.SHORT_TESTS if place.depth > DEEP else forms.TESTS, place)
        usual, risky = forms.FILLED[letter]
        return self.fill(self.draw.choice(risky if self.draw.random() < RISKY else usual), place)


def indented(lines: list[str]) -> list[str]:
    """Return the lines of a block."""
    return [f"    {line}" for line in lines]
