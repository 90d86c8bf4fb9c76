"""Forms: the pieces that random programs are made of: what each needs, and its text with gaps.

A gap is a letter in braces: {a} an int, {t} a test, {i} an index that seldom misses, {k} a key, {r} a rank,
{n} a time, {c} a classid, {p} the packet at hand, {q} a call that pushes it, {o} one that takes a packet out,
{v} a verdict for a packet that is kept, {s} a reason.
"""

from __future__ import annotations

from sandbox.language.fields import CTX_FIELDS, SKB_FIELDS

HEAD = '''"""Generated."""

step = Param(7, min=1, max=50)
marking = Param(True)
weights = Param([3, 1, 4, 1])
SMALL = 3


class Flow(Record):
    finish: int = 2
    active: bool = False
    slots: Array(int, 3)


class Class(ClassRecord):
    share = Param(10, min=1, max=1000)
    sent: int = 0
'''

BEFORE = """
def before(a, b):
    return a.mark < b.mark or (a.mark == b.mark and a.cb[0] + SMALL < b.cb[0])
"""

# What stands in the simple gaps: the usual texts, and those that may stop the run.
FILLED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "d": (("({a} | 1)",), ("{a}",)),
    "i": (("({a}) % 3",), ("{a} & 7",)),
    "k": (("({a} & 3)",), ("{a}",)),
    "r": (("({a} & 63)", "({a} & RANK_MAX)"), ("{a}",)),
    "n": (("1 + ({a} & 0xFFFFF)",), ("{a}",)),
    "l": (("({a} & 31)",), ("{a}",)),
    "c": (("0x10001", "0x10002", "0x10001 + ({a} & 1)"), ("{a}", "ctx.classid")),
    "v": (("DROP", "BYPASS", "STOLEN"),) * 2,
    "s": (('"late"', '"full"', '"early"'),) * 2,
}
SHORT_TESTS: tuple[tuple[str, str], ...] = (("", "x > {a}"), ("", "busy"), ("", "y == x"))

# Declarations by name. A program has those that its functions name.
DECLARED = {
    "q": ("q = SkbMap(max_entries=4)", "q = SkbMap(max_entries=step)"),
    "s": ("s = SkbMap(max_entries=5, less=before)",),
    "bands": ("bands = SkbMapArray(3, max_entries=4)", "bands = SkbMapArray(3, max_entries=4, less=before)"),
    "hashed": ("hashed = SkbMapHash(3, max_entries=5)", "hashed = SkbMapHash(3, max_entries=5, less=before)"),
    "fm": ("fm = FlowMap(3, max_entries=5)",),
    "flows": ("flows = HashMap(max_entries=3, value=Flow)",),
    "others": ("others = LruHashMap(max_entries=2, value=Flow)",),
    "rows": ("rows = ArrayMap(max_entries=4, value=Flow)",),
    "counts": ("counts = HashMap(max_entries=3)", "counts = LruHashMap(max_entries=3)"),
    "recent": ("recent = LruHashMap(max_entries=2, value=int)",),
    "table": ("table = ArrayMap(max_entries=5, value=int)",),
    "ints": ("ints = Queue(max_entries=3)",),
    "undo": ("undo = Stack(max_entries=3)",),
    "children": ('children = Children(2, kind="pfifo", limit=3)', "children = Children(SMALL, limit=step)"),
}  # fmt: skip
GLOBALS = {"g": "g = 1", "h": "h = -3", "busy": "busy = False"}
SKB_MAPS = ("q", "s", "bands", "hashed", "fm")

# Forms: (what must be at hand, text).
Form = tuple[str, str]
ARITHMETIC = tuple(f"({{a}} {sign} {{a}})" for sign in ("+", "-", "*", "&", "|", "^", "<<", ">>"))
PURE: tuple[Form, ...] = tuple(
    ("", text)
    for text in (
        *(*ARITHMETIC, "({a} // {d})", "({a} % {d})", "-{a}", "~{a}", "+{a}", "({a} << 62)", "({a} >> 3)"),
        *("min({a}, {a})", "max({a}, {a}, {a})", "abs({a})", "isqrt({a})", "log2_floor({a})"),
        *("find_first_set({a})", "udiv({a}, {d})", "umod({a}, {d})", "({a} if {t} else {a})"),
    )
)  # fmt: skip
FIELDS = tuple(name for name in SKB_FIELDS if name != "cb")
PACKET: tuple[Form, ...] = (
    *(("p", f"{{p}}.{name}") for name in FIELDS),
    *(("p", text) for text in ("{p}.cb[{i}]", "hash_skb({p})", "hash_skb({p}, {a})")),
    *(("p", f"{{p}}.load_{width}({{l}})") for width in ("u8", "u16", "u32")),
)
INTS: tuple[Form, ...] = (
    *PURE,
    *PACKET,
    *(("", text) for text in ("random()", "g", "h", "step", "weights[{i}]", "len(weights)", "SMALL")),
    *(("f", text) for text in ("f.finish", "f.slots[{i}]")),
    ("f calls", "touch(f, {a}, {a})"),
    ("p own calls", "look({p}, {a}, {a})"),
    ("p own qdisc", "skb_classify({p}, ctx.classid)"),
    ("p own qdisc", "skb_classify_action({p}, {c}, {i})"),
    ("p calls", "seen({p}, {a})"),
    *((f"ctx {role}", f"ctx.{name}") for name, spec in CTX_FIELDS.items() for role in sorted(spec.readable_in)),
    *(("qdisc", text) for text in ("child_qlen({c})", "child_backlog({c})")),
    *(("calls", text) for text in ("calc({a}, {a})", "total_of({a}, {a})")),
    *(("q", text) for text in ("len(q)", "q.bytes")),
    *(("s", text) for text in ("len(s)", "s.bytes")),
    *(("bands", text) for text in ("len(bands)", "len(bands[{i}])", "bands.bytes", "bands[{i}].bytes")),
    *(("hashed", text) for text in ("len(hashed)", "len(hashed[{k}])", "hashed.bytes", "hashed[{k}].bytes")),
    *(("fm", text) for text in ("len(fm)", "fm.first()", "fm.rank_of({k})", "fm.len_of({k})", "fm.bytes")),
    *(("counts", text) for text in ("counts[{k}]", "len(counts)")),
    *(("recent", text) for text in ("recent[{k}]", "len(recent)")),
    *(("table", text) for text in ("table[{i}]", "len(table)")),
    *(("flows", text) for text in ("len(flows)", "len(others)", "len(ints)", "len(undo)")),
)  # fmt: skip
TESTS: tuple[Form, ...] = (
    *(("", f"{{a}} {sign} {{a}}") for sign in ("<", "<=", ">", ">=", "==", "!=")),
    *(("", text) for text in ("{a} <= {a} < {a}", "{a} < {a} != {a}", "not {a}", "{a}", "ult({a}, {a})")),
    *(("", text) for text in ("{t} and {t}", "{t} or {t}", "not ({t})", "busy", "marking", "busy == marking")),
    *(("", text) for text in ("{t} and {a} and {t}", "(busy if {t} else marking)")),
    ("f", "f.active"),
    ("calls", "is_odd({a})"),
    ("p own mark", "mark_ecn({p})"),
    *(("counts", text) for text in ("{k} in counts", "{k} not in counts", "counts.update({k}, {a})", "counts.delete({k})")),
    *(("recent", text) for text in ("{k} in recent", "recent.update({k}, {a})", "recent.delete({k})")),
    *(("table", text) for text in ("{i} in table", "table.update({i}, {a})")),
    *(("flows", text) for text in ("{k} in flows", "{k} not in others", "{i} in rows", "flows.delete({k})")),
    *(("flows", text) for text in ("ints.push({a})", "undo.push({a})", "others.delete({k})")),
    ("fm", "fm.delete({k})"),
)  # fmt: skip

TARGETS: tuple[Form, ...] = (
    *(("", name) for name in ("x", "y", "x", "y", "g", "h")),
    *(("f", text) for text in ("f.finish", "f.slots[{i}]")),
    *(("counts", text) for text in ("counts[{k}]",)),
    *(("recent", text) for text in ("recent[{k}]",)),
    *(("table", text) for text in ("table[{i}]",)),
    *(
        ("p own", f"{{p}}.{name}")
        for name, spec in SKB_FIELDS.items()
        if spec.writable and name != "cb"
    ),
    ("p own", "{p}.cb[{i}]"),
    ("ctx classid", "ctx.classid"),
)
TRACES = ('trace("%d", {a})', 'trace("a %u %x%%", {a}, {a})', 'trace("here")')
EFFECTS: tuple[Form, ...] = (
    *(("", text) for text in (*TRACES, "busy = {t}", "busy = not busy", "pass")),
    ("calls", "count({a})"),
    ("calls", "m = maybe({a})\nif m is not None:\n    x = m + {a}"),
    ("flows calls", "fl = find({a})\nif fl is not None:\n    fl.finish += {a}\n    touch(fl, {a}, {a})"),
    *(("f", text) for text in ("f.active = {t}", "flows.update({k}, f)", "others.update({k}, f)", "rows.update({i}, f)")),
    ("counts", "counts.delete({k})"),
    ("counts", "n = counts.lookup({k})\nif n is None:\n    n = {a}\ng = n"),
    ("table", "n = table.lookup({a})\nif n is not None and n < {a}:\n    h += n"),
    ("flows", "w = rows.lookup({i})\nif w is not None:\n    w.slots[{i}] += {a}\n    w.active = {t}"),
    ("flows", "w = others.lookup({k})\nif w is None:\n    w = flows.lookup({k})\nif w is not None:\n    w.finish = {a}"),
    ("flows", "d = flows.lookup({k})\nflows.delete({k})\nif d is not None:\n    d.finish += {a}\n    x = d.finish"),
    ("flows", "z = ints.pop()\nif z is not None:\n    y = z\n    undo.push({a})"),
    ("flows", "z = undo.peek() if {t} else ints.peek()\nif z is not None:\n    h ^= z\nundo.pop()"),
    ("flows", "e = others.lookup_or_init({k})\nif e is not None:\n    e.finish += {a}\n    h = e.slots[{i}]"),
    ("bands", "top = bands[{i}].peek_last()\nif top is not None:\n    h += top.len"),
    ("hashed", "top = hashed[{k}].peek()\nif top is not None:\n    y = top.cb[{i}]"),
    ("fm", "fm.set_rank({k}, {r})"),
    ("qdisc", "for cl in classes():\n    cl.sent += {a}\n    g += cl.share"),
    ("qdisc", "cl = class_of({c})\nif cl is not None:\n    cl.sent = {a}\n    x = cl.classid + cl.share"),
    ("timer_after", "ctx.timer_after({n})"),
    ("childpeek calls", "cp = child_peek({c})\nif cp is not None:\n    x = cp.len + seen(cp, {a})"),
    ("q", "top = q.peek()\nif top is not None:\n    y = top.rank + top.cb[{i}]"),
    ("q calls", "top = q.peek_last()\nif top is not None and top.len < {a}:\n    h = seen(top, {a})"),
    ("bands", "top = bands[{i}].peek()\nif top is not None:\n    g += top.hash"),
    ("hashed", "top = hashed[{k}].peek_last()\nif top is not None:\n    g = top.enqueued_at"),
    ("fm", "top = fm.peek({k})\nif top is not None:\n    x = top.tstamp + top.rank"),
)  # fmt: skip
# Loops: the line above the body, and what must follow it; `BODY` is where the body goes.
LOOPS: tuple[Form, ...] = (
    *(("", text) for text in ("for i in range({a} & 7):\n    x += i\nBODY", "for i in range({a} & 3, {a} & 15, 2):\n    g ^= i\nBODY")),
    *(("", text) for text in ("for i in range({a} & 15, -2, -3):\n    y = i\nBODY", "for i in range(5):\n    x = y + i\nBODY")),
    *(("", text) for text in ("while x > {a} and y < 9:\n    x -= 1\n    y += 1\nBODY", "while {t}:\n    x -= 1\nBODY\n    break")),
    *(("", text) for text in ("i = {a} & 7\nwhile i > 0:\n    i -= 1\nBODY", "i = 9\nfor i in range({a} & 3):\n    g += i\nx = i")),
    ("counts", "for key in counts:\n    y ^= key"),
    ("recent", "for key in recent:\n    y ^= key\n    if {t}:\n        break"),
    ("table", "for key in table:\n    table[key] += key"),
    ("flows", "for key in flows:\n    w = flows.lookup(key)\n    if w is not None:\n        w.finish += key\n    if {t}:\n        continue\n    g += 1"),
    ("flows", "for key in others:\n    x += key"),
    ("flows", "for key in rows:\n    w = rows.lookup(key)\n    if w is None:\n        break\n    x += w.slots[key % 3]"),
    ("flows", "while len(ints) > {a}:\n    ints.pop()"),
    ("q", "for u in q:\n    if {t}:\n        continue\n    x += u.len\n    y = u.rank"),
    ("s", "for u in s:\n    x = x * 3 + u.mark\n    if {t}:\n        break"),
    ("bands", "for u in bands[{i}]:\n    x += u.rank"),
    ("hashed calls", "for u in hashed[{k}]:\n    y += seen(u, {a})"),
    ("qdisc", "for cl in classes():\n    if cl.sent > {a}:\n        continue\n    cl.sent += cl.share"),
)  # fmt: skip

PUSHES: tuple[Form, ...] = (
    ("q", "q.push({p}, {r})"),
    ("s", "s.push({p}, {r})"),
    ("bands", "bands[{i}].push({p}, {r})"),
    ("hashed", "hashed[{k}].push({p}, {r})"),
    ("fm", "fm.push({k}, {p}, {r})"),
)
POPS: tuple[Form, ...] = (
    *(("q", text) for text in ("q.pop()", "q.pop()", "q.pop_last()", "q.pop_rank({r})")),
    *(("s", text) for text in ("s.pop()", "s.pop_last()")),
    *(("bands", text) for text in ("bands[{i}].pop()", "bands[{i}].pop_last()", "bands[{i}].pop_rank({r})")),
    *(("hashed", text) for text in ("hashed[{k}].pop()", "hashed[{k}].pop_last()", "hashed[{k}].pop_rank({r})")),
    *(("fm", text) for text in ("fm.pop({k})", "fm.pop(fm.first())")),
    ("child", "child_dequeue({c})"),
    ("calls", "give({a}, {a})"),
)  # fmt: skip

ENQUEUE_ENDS: tuple[Form, ...] = (
    *(("", f"if not {{q}}:\n    return {{v}}\nreturn {end}") for end in ("QUEUED", "QUEUED", "QUEUED", "CN", "STOLEN")),
    ("", "ok = {q}\nif ok:\n    g += 1\n    return QUEUED\nreturn {v}"),
    ("", "return QUEUED if {q} else {v}"),
    ("", "if {q}:\n    x = {p}.len + {p}.mark\n    g ^= x\n    return QUEUED\ndrop({p}, {s})\nreturn CN"),
    ("", "if not {q}:\n    if not {q}:\n        return {v}\nreturn QUEUED"),
    ("", "old = {o}\nif old is not None:\n    drop(old, {s})\nif not {q}:\n    return {v}\nreturn CN"),
    ("", "if not {q}:\n    return {v}\nctx.delay = {n}\nreturn THROTTLE"),
    ("", "b = skb\nif not PUSH_B:\n    drop(b)\nreturn QUEUED"),
    ("", "v = {v} if {t} else {v}\nreturn v"),
    ("", "if {t}:\n    drop({p})\n    v = CN\nelse:\n    v = {v}\nreturn v"),
    ("", "drop({p}, {s})\nreturn QUEUED"),
    ("", "return {v}"),
    ("", "return take({p}, {a}, {a})"),
    ("", "if stow({p}, {a}):\n    return QUEUED\nreturn CN"),
    *(("child", text) for text in ("ctx.classid = {c}\nreturn PASS", "return QUEUED if child_enqueue({p}, {c}) else CN")),
    ("child", "if not child_enqueue({p}, {c}):\n    g += 1\nreturn QUEUED"),
)  # fmt: skip
REQUEUE = "if not PUSH_B:\n        drop(b, {s})"
DEQUEUE_ENDS: tuple[Form, ...] = (
    *(("", text) for text in ("return {o}", "return {o}", "return {o}", "return None", "return")),
    ("", "b = {o}\nif b is None:\n    return {o}\nb.mark = b.rank\nx = look(b, {a}, {a})\nreturn b"),
    ("", "b = {o}\nwhile b is not None and {t}:\n    drop(b, {s})\n    b = {o}\nreturn b"),
    ("", f"b = {{o}}\nif b is not None and {{t}}:\n    {REQUEUE}\n    return None\nreturn b"),
    ("", "for i in range({a} & 3):\n    b = {o}\n    if b is not None:\n        if {t}:\n            return b\n        drop(b)\nreturn None"),
    *(("", text) for text in ("ctx.delay = {n}\nreturn THROTTLE", "ctx.delay = {a}\nreturn THROTTLE if {t} else None")),
    ("child", "ctx.classid = {c}\nreturn PASS"),
    ("child", "for cl in classes():\n    if child_qlen(cl.classid) > 0:\n        b = child_dequeue(cl.classid)\n        if b is not None:\n            return b\nreturn {o}"),
    ("q", "top = q.peek()\nif top is not None and top.len > {a}:\n    return q.pop()\nreturn {o}"),
    ("bands", "for i in range(3):\n    if len(bands[i]) > 0:\n        return bands[i].pop()\nreturn {o}"),
)  # fmt: skip
PEEK_ENDS: tuple[Form, ...] = (
    *(("q", text) for text in ("return q.peek()", "return q.peek_last()")),
    ("bands", "return bands[{i}].peek()"),
    ("fm", "return fm.peek(fm.first())"),
    ("childpeek", "return child_peek({c})"),
    ("", "return None"),
)
TIMER_ENDS: tuple[Form, ...] = (
    ("", "b = {o}\nif b is not None:\n    drop(b, {s})"),
    ("", f"b = {{o}}\nif b is not None:\n    b.tc_index = {{a}}\n    {REQUEUE}"),
    ("", "if {t}:\n    ctx.timer_after({n})"),
    ("child", "b = {o}\nif b is not None:\n    child_enqueue(b, {c})"),
)
EGRESS_ENDS: tuple[Form, ...] = (
    *(("", f"return {v}") for v in ("OK", "OK", "OK", "DROP", "STOLEN")),
    ("", "return OK if {t} else STOLEN"),
    ("", "if not {q}:\n    return DROP\nreturn STOLEN"),
    ("", "drop({p}, {s})\nreturn STOLEN"),
)
CLASSIFY_ENDS: tuple[Form, ...] = tuple(
    ("", f"return {value}") for value in ("0x10001", "0", "{c}", "{a} & 3", "STOLEN", "{c} if {t} else 0")
)  # fmt: skip
ENDS: dict[str, tuple[Form, ...]] = {
    "enqueue": ENQUEUE_ENDS,
    "dequeue": DEQUEUE_ENDS,
    "peek": PEEK_ENDS,
    "init": (("", "ctx.timer_after({n})"), ("", "pass")),
    "reset": (("", "g += 1"), ("", "pass")),
    "timer": TIMER_ENDS,
    "egress": EGRESS_ENDS,
    "classify": CLASSIFY_ENDS,
}

# Helper functions: parameters, what is at hand in them, their ends. Callers come after those they call.
HELPERS: dict[str, tuple[str, str, tuple[Form, ...]]] = {
    "calc": ("x, y", "", (("", "return {a}"),)),
    "is_odd": ("x", "", (("", "return {a} & 1 == 1"), ("", "return busy and {t}"))),
    "count": ("x", "", (("", "g += {a}"),)),
    "maybe": ("x", "", (("", "if {t}:\n    return None\nreturn {a}"), ("", "return {a} if {t} else None"))),
    "touch": ("f: Flow, x, y", "f", (("", "return {a}"),)),
    "find": ("x", "", (("", "return flows.lookup({k})"), ("", "if {t}:\n    return None\nreturn rows.lookup({i})"))),
    "look": ("skb: Skb, x, y", "p own", (("", "return {a}"),)),
    "seen": ("skb: Skb, x", "p", (("", "return {a}"),)),
    "take": (
        "skb: Owned, x, y",
        "p own",
        (
            ("", "drop({p})\nreturn CN"),
            ("", "if not {q}:\n    drop({p}, {s})\n    return CN\nreturn QUEUED"),
        ),
    ),
    "stow": ("skb: Owned, x", "p own", (("", "if not {q}:\n    drop({p})\n    return False\nreturn True"),)),
    "give": ("x, y", "", (("", "return {o}"),)),
    "total_of": ("x, y", "", (("", "return calc({a}, {a}) + calc(x, {a})"),)),
}  # fmt: skip
