"""What Python has and this language does not: every refused construct, with the way to write it instead."""

from __future__ import annotations

from functools import cache

# Nodes that may occur somewhere; the checker decides where. Everything else is refused by name.
ALLOWED = frozenset(
    [
        "Module",
        "Expr",
        "Assign",
        "AugAssign",
        "AnnAssign",
        "FunctionDef",
        "ClassDef",
        "Return",
        "If",
        "While",
        "For",
        "Break",
        "Continue",
        "Pass",
        "Global",
        "arguments",
        "arg",
        "Name",
        "Constant",
        "Attribute",
        "Subscript",
        "Call",
        "keyword",
        "BinOp",
        "UnaryOp",
        "BoolOp",
        "Compare",
        "IfExp",
        "List",
        "Load",
        "Store",
        "Add",
        "Sub",
        "Mult",
        "FloorDiv",
        "Mod",
        "LShift",
        "RShift",
        "BitAnd",
        "BitOr",
        "BitXor",
        "Invert",
        "Not",
        "USub",
        "UAdd",
        "And",
        "Or",
        "Eq",
        "NotEq",
        "Lt",
        "LtE",
        "Gt",
        "GtE",
        "Is",
        "IsNot",
        "In",
        "NotIn",
    ]
)

# node name: (what it is called, what to write instead)
REFUSED: dict[str, tuple[str, str]] = {
    "Import": ("import", "everything a program may use is already there"),
    "ImportFrom": ("import", "everything a program may use is already there"),
    "Lambda": ("lambda", 'write a function with "def" and give its name'),
    "Try": ("try", "test for None or False instead; faults stop the run"),
    "TryStar": ("try", "test for None or False instead; faults stop the run"),
    "Raise": ("raise", "return a verdict, or trace a message"),
    "Assert": ("assert", "write if not ...: trace(...)"),
    "With": ("with", "write its body alone"),
    "AsyncWith": ("async with", "write its body alone"),
    "AsyncFor": ("async for", 'write "for"'),
    "AsyncFunctionDef": ("async def", 'write "def"'),
    "Await": ("await", "call a helper directly; set ctx.delay and return THROTTLE to wait"),
    "Yield": ("yield", "keep state in globals or maps and return"),
    "YieldFrom": ("yield", "keep state in globals or maps and return"),
    "GeneratorExp": ("a generator expression", 'write a "for" loop'),
    "ListComp": ("a comprehension", 'write a "for" loop'),
    "SetComp": ("a comprehension", 'write a "for" loop'),
    "DictComp": ("a comprehension", 'write a "for" loop'),
    "Dict": ("a dict", "declare a HashMap(max_entries=...) at the top"),
    "Set": ("a set", "declare a HashMap(max_entries=...) at the top"),
    "Tuple": ("a tuple", "assign one name at a time; keep related values in a Record"),
    "Starred": ("a starred expression", "write the values out"),
    "NamedExpr": (":=", "assign on a line of its own"),
    "Delete": ("del", "write map.delete(key)"),
    "Nonlocal": ("nonlocal", "keep shared values in a global"),
    "JoinedStr": ("an f-string", 'write trace("x is %d", x)'),
    "FormattedValue": ("an f-string", 'write trace("x is %d", x)'),
    "TemplateStr": ("a template string", 'write trace("x is %d", x)'),
    "Interpolation": ("a template string", 'write trace("x is %d", x)'),
    "Slice": ("a slice", "index one item at a time"),
    "Match": ("match", "write if, elif and else"),
    "Div": ('"/"', 'write "//", which rounds down'),
    "Pow": ('"**"', 'write "1 << n" for a power of two, or multiply'),
    "MatMult": ('"@"', 'write "*"'),
    "TypeAlias": ("type", "leave it out"),
}

# Functions of Python that people reach for: what to write instead.
PYTHON_FUNCTIONS: dict[str, str] = {
    "print": 'write trace("x is %d", x)',
    "int": "everything is an int already; a bool may be used as one",
    "bool": 'compare, as in "x != 0"',
    "float": "there are no floats: scale by 1000, or count nanoseconds",
    "round": "there are no floats: (a + b // 2) // b rounds to nearest",
    "pow": 'write "1 << n" for a power of two, or multiply',
    "divmod": 'write "//" and "%" on two lines',
    "sum": 'add up in a "for" loop',
    "sorted": "an SkbMap keeps packets sorted by rank",
    "enumerate": 'write "for i in range(n):"',
    "list": "declare a Queue, a Stack or an ArrayMap at the top",
    "dict": "declare a HashMap(max_entries=...) at the top",
    "set": "declare a HashMap(max_entries=...) at the top",
    "deque": "declare a Queue(max_entries=...) at the top",
    "isinstance": 'types are known; test for None with "is None"',
    "str": "there are no strings; trace formats numbers",
    "hash": "write hash_skb(skb), or multiply and mask",
    "time": 'the time is "ctx.now", in ns',
}

# Parts of refused constructs, which are not worth a message of their own.
PARTS = frozenset({"alias", "comprehension", "withitem", "ExceptHandler", "match_case"})


@cache
def refusal(name: str) -> tuple[str, str] | None:
    """Return what to call a node of Python's tree the language does not have, and the cure; None when it has it."""
    if name in ALLOWED or name in PARTS or (name.startswith("Match") and name != "Match"):
        return None
    return REFUSED.get(name, (name, "see the language's constructs in docs/language.md"))
