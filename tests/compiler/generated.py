"""Random programs in the language: texts that the checker mostly accepts, and that reach deep into it."""

from __future__ import annotations

from hypothesis import strategies as st

HEAD = '''"""Generated."""

step = Param(7, min=1, max=50)
flag = Param(True)
weights = Param([3, 1, 4, 1])


class Flow(Record):
    finish: int = 2
    active: bool = False
    slots: Array(int, 3)


class Class(ClassRecord):
    share = Param(10, min=1, max=1000)
    sent: int = 0


def before(a, b):
    return a.mark %(less)s b.mark + %(small)s


flows = HashMap(max_entries=3, value=Flow)
others = LruHashMap(max_entries=2, value=Flow)
counts = HashMap(max_entries=3, value=int)
table = ArrayMap(max_entries=5, value=int)
q = SkbMap(max_entries=5)
s = SkbMap(max_entries=5, less=before)
ints = Queue(max_entries=3)
g = 1
h = -3


def calc(x, y):
%(calc)s
    return %(calc_result)s


def touch(f: Flow, x, y):
    global g
%(touch)s
    return %(touch_result)s


def look(skb: Skb, x, y):
%(look)s
    return %(look_result)s


def enqueue(skb, ctx):
    global g, h
    x = skb.len
    y = skb.hash
    f = flows.lookup_or_init(%(key)s)
    if f is None:
        return DROP
    e = others.lookup_or_init(%(key2)s)
    if e is None:
        return DROP
    r = f if %(test)s else e
%(enqueue)s
    if %(test2)s:
        if not s.push(skb, %(rank)s):
            return DROP
        return QUEUED
    if not q.push(skb, %(rank2)s):
        return DROP
    return QUEUED


def dequeue(ctx):
    global g, h
    x = ctx.now
    y = len(q)
%(dequeue)s
    if %(test3)s:
        return s.pop()
    if %(test4)s:
        ctx.delay = %(delay)s
        return THROTTLE
    return q.pop()
'''

COMMON = ("x", "y", "g", "h", "step", "flag", "weights[{0}]", "table[{0}]", "counts[{0}]")
CALLS = (
    *("calc({0}, {1})", "min({0}, {1})", "max({0}, {1})", "abs({0})", "isqrt({0})"),
    *("log2_floor({0})", "udiv({0}, {1})", "({0} if {1} else {0})", "random()"),
)
READS = {
    "calc": COMMON,
    "touch": (*COMMON, "f.finish", "f.slots[{0}]", "f.active", "len(flows)"),
    "look": (*COMMON, "skb.mark", "skb.len", "skb.cb[{0}]", "skb.load_u8({0})"),
    "enqueue": (
        *(*COMMON, "skb.mark", "skb.priority", "skb.cb[{0}]", "ctx.qlen", "ctx.classid"),
        *("f.finish", "e.finish", "r.finish", "r.slots[{0}]", "f.slots[{0}]", "r.active"),
        *("touch(f, {0}, {1})", "touch(r, {0}, {1})", "look(skb, {0}, {1})", "len(ints)"),
    ),
    "dequeue": (*COMMON, "ctx.now", "len(q)", "q.bytes", "len(s)", "ctx.dev.mtu"),
}
WRITES = {
    "calc": ("x", "y"),
    "touch": ("x", "y", "g", "f.finish", "f.slots[{0}]"),
    "look": ("x", "y", "skb.mark", "skb.priority", "skb.tc_index", "skb.cb[{0}]"),
    "enqueue": (
        *("x", "y", "g", "h", "f.finish", "r.finish", "r.slots[{0}]", "e.slots[{0}]"),
        *("skb.mark", "skb.cb[{0}]", "skb.tstamp", "table[{0}]", "counts[{0}]", "ctx.classid"),
    ),
    "dequeue": ("x", "y", "g", "h", "table[{0}]", "counts[{0}]"),
}
EFFECTS = {
    "calc": ("calc_free",),
    "touch": ('trace("t %d %u", {0}, {1})', "counts.delete({0})"),
    "look": ("calc({0}, {1})",),
    "enqueue": (
        *("r = f", "r = e", "flows.update({0}, r)", "others.update({0}, f)", "ints.push({0})"),
        *('trace("e %x", {0})', "others.delete({0})", "mark_ecn(skb)", "table.update({0}, {1})"),
    ),
    "dequeue": ("counts.update({0}, {1})", "flows.delete({0})", "ints.pop()"),
}
LOOPS = {
    "calc": ("for i in range({0} & 7):", "while x > {0} and y < 9:"),
    "touch": ("for i in range({0} & 3, {1} & 15, 2):", "for i in counts:"),
    "look": ("for i in range(3, {0} & 3, -1):",),
    "enqueue": (
        *("for i in range({0} & 7):", "for i in flows:", "for i in table:", "while {0} < x:"),
        *("for i in counts:",),
    ),
    "dequeue": (
        *("for i in flows:", "for cl in classes():", "for p in q:", "while len(ints) > 0:"),
        *("for p in s:", "for i in others:"),
    ),
}
INSIDE = {
    "for i": ("x += i", "y = i ^ x"),
    "for c": ("cl.sent += x", "y += cl.share"),
    "for p": ("x += p.len", "y = p.rank"),
    "while ": ("x -= 1", "ints.pop()"),
}
SIGNS = ("+", "-", "*", "//", "%", "<<", ">>", "&", "|", "^")
SHIFTS = ("x", "y", "1", "3", "63", "(x & 70)")
DIVISORS = ("x", "y", "5", "-3", "-1", "(y & 3)", "(x - y)", "(y | 1)")
RIGHTS = {"<<": SHIFTS, ">>": SHIFTS, "//": DIVISORS, "%": DIVISORS}
TESTS = ("{0} < {1}", "{0} == {1}", "{0} <= x < {1}", "not {0}", "{0} and {1}", "{0} or {1}")
NUMBERS = ("0", "1", "2", "3", "5", "-1", "1514", "63", "64", "4611686018427387904", "-7")


class Maker:
    """Draws the parts of one function; `at` is the function's name."""

    def __init__(self, draw: st.DrawFn, at: str) -> None:
        self.draw = draw
        self.at = at

    def pick(self, choices: tuple[str, ...]) -> str:
        return self.draw(st.sampled_from(choices))

    def expr(self, depth: int = 2, *, may_be_known: bool = True) -> str:
        """Return an int expression; a known one, which the checker folds, only where that may be."""
        if depth == 0:
            return self.pick((*NUMBERS, "x", "y") if may_be_known else ("x", "y"))
        kind = self.draw(st.integers(0, 9))
        if kind < 3:
            return self.filled(self.pick(READS[self.at]), depth)
        if kind < 5:
            return self.expr(depth - 1, may_be_known=may_be_known)
        if kind < 6 and self.at != "calc":
            return self.filled(self.pick(CALLS), depth)
        sign = self.pick(SIGNS)
        left = self.expr(depth - 1, may_be_known=False)
        right = RIGHTS.get(sign)
        return f"({left} {sign} {self.pick(right) if right else self.expr(depth - 1)})"

    def filled(self, form: str, depth: int) -> str:
        first = self.expr(depth - 1, may_be_known=False)
        if "[" in form and self.draw(st.integers(0, 9)) > 0:
            first = f"({first}) & {3 if 'weights' in form or 'cb' in form else 1}"
        return form.format(first, self.expr(depth - 1, may_be_known=False))

    def test(self, depth: int = 1) -> str:
        return self.pick(TESTS).format(self.expr(depth, may_be_known=False), self.expr(depth))

    def block(self, indent: int, depth: int, in_loop: str = "") -> list[str]:
        count = self.draw(st.integers(1, 3 if depth else 2))
        lines = [line for _ in range(count) for line in self.statement(indent, depth, in_loop)]
        if in_loop:
            lines.append(
                " " * indent + self.pick(INSIDE[in_loop[:5] if in_loop[0] == "f" else "while "])
            )
        return lines

    def statement(self, indent: int, depth: int, in_loop: str) -> list[str]:
        pad = " " * indent
        kind = self.draw(st.integers(0, 11 if depth else 5))
        if kind < 4:
            sign = self.pick(("=", "=", "+=", "-=", "^=", "*="))
            target = self.filled(self.pick(WRITES[self.at]), 2)
            if target.startswith(("skb.ts", "ctx.")):
                sign = "="
            return [f"{pad}{target} {sign} {self.expr()}"]
        if kind == 4:
            effect = self.pick(EFFECTS[self.at])
            return [pad + ("y += x" if effect == "calc_free" else self.filled(effect, 2))]
        if kind == 5:
            if in_loop:
                return [f"{pad}if {self.test()}:", f"{pad}    {self.pick(('break', 'continue'))}"]
            return [f"{pad}x = {self.expr()}"]
        if kind < 9:
            lines = [f"{pad}if {self.test()}:", *self.block(indent + 4, depth - 1, "")]
            if self.draw(st.booleans()):
                lines += [f"{pad}elif {self.test()}:", *self.block(indent + 4, depth - 1, "")]
            if self.draw(st.booleans()):
                lines += [f"{pad}else:", *self.block(indent + 4, depth - 1, "")]
            return lines
        loop = self.filled(self.pick(LOOPS[self.at]), 1)
        return [f"{pad}{loop}", *self.block(indent + 4, depth - 1, loop)]

    def body(self) -> str:
        return "\n".join(self.block(4, 2))


@st.composite
def program_texts(draw: st.DrawFn) -> str:
    """Return a program's text."""
    parts: dict[str, str] = {}
    for name in ("calc", "touch", "look", "enqueue", "dequeue"):
        parts[name] = Maker(draw, name).body()
    for name in ("calc", "touch", "look"):
        parts[f"{name}_result"] = Maker(draw, name).expr()
    into = Maker(draw, "enqueue")
    out = Maker(draw, "dequeue")
    parts["key"] = f"{Maker(draw, 'dequeue').pick(('x', 'y', '1', 'x + y'))} & 3"
    parts["key2"] = f"{out.pick(('x', 'y', '1'))} & 3"
    parts["test"] = into.pick(("x < y", "g < h", "x & 1", "y & 1"))
    parts["test2"], parts["rank"], parts["rank2"] = into.test(), into.expr(), into.expr()
    parts["rank"] = f"({parts['rank']}) & 255"
    parts["rank2"] = f"({parts['rank2']}) & {draw(st.sampled_from(['1023', 'RANK_MAX', '-1']))}"
    parts["test3"], parts["test4"], parts["delay"] = out.test(), out.test(), out.expr()
    parts["less"] = draw(st.sampled_from(["<", ">", "<=", "!="]))
    parts["small"] = draw(st.sampled_from(["0", "1", "a.len", "b.cb[a.mark & 7]"]))
    return HEAD % parts
