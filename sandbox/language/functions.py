"""Functions: signatures, order of calls, and the walk through each body."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox.language import limits, returns, tree
from sandbox.language.flow import BORROWED, LENT, OWNED, PACKETS, State, Var
from sandbox.language.function_check import FunctionCheck, Summary, Whole
from sandbox.language.jumps import check_jumps
from sandbox.language.operands import kind_text
from sandbox.language.prescan import Names, prescan
from sandbox.language.report import Report, span_of
from sandbox.language.scope import Scope
from sandbox.language.spell import did_you_mean
from sandbox.language.tree import Kind, Span, Type
from sandbox.language.verdicts import ENTRIES
from sandbox.language.walk import below

SKB = Type(Kind.SKB)
BORROWED_SKB = Type(Kind.SKB, borrowed=True)
CTX = Type(Kind.CTX)


def callee_first(scope: Scope, report: Report) -> list[str]:
    """Return the functions with callees before callers; functions that call themselves are reported."""
    edges = {name: list(_called(node, scope)) for name, node in scope.functions.items()}
    order: list[str] = []
    done: set[str] = set()
    for root in scope.functions:
        path: list[str] = []
        todo = [(root, 0)]
        while todo:
            name, position = todo.pop()
            if position == 0 and name in done:
                continue
            if position == 0:
                path.append(name)
            targets = edges[name]
            if position < len(targets):
                todo.append((name, position + 1))
                target, place = targets[position]
                if target in path:
                    _recursion(path[path.index(target) :], place, report)
                elif target not in done:
                    todo.append((target, 0))
                continue
            path.remove(name)
            done.add(name)
            order.append(name)
    return order


def _called(node: ast.FunctionDef, scope: Scope) -> Iterator[tuple[str, Span]]:
    for part in below(node):
        match part:
            case ast.Call(func=ast.Name(id=name)) if name in scope.functions:
                yield name, span_of(part)


def _recursion(path: list[str], place: Span, report: Report) -> None:
    chain = " calls ".join([*path, path[0]])
    report.add(
        "recursion",
        place,
        f"recursion is not in this language: {chain}",
        "write a loop with range or while",
    )


def check_function(name: str, scope: Scope, report: Report, whole: Whole) -> tree.Function:
    """Return the checked function; its summary is kept for its callers."""
    node = scope.functions[name]
    role = name if name in ENTRIES else "comparator" if name in scope.comparators else "helper"
    _check_form(node, report)
    summary = Summary(name)
    names = prescan(node, scope, report)
    check_jumps(node, report)
    params = _parameters(node, role, scope, summary, report)
    summary.params = params
    c = FunctionCheck(
        scope=scope,
        report=report,
        whole=whole,
        role=role,
        summary=summary,
        globals=names.globals,
        locals=names.locals | {param for param, kind in params if kind.kind is not Kind.CTX},
        state=_entry_state(params, role, summary),
        declared={param: kind for param, kind in params if kind.kind is not Kind.CTX},
        has_ctx=any(kind.kind is Kind.CTX for _, kind in params),
        entry_packet="skb" if role in ("enqueue", "egress", "classify") else "",
    )
    body = list(c.block(_body(node)))
    if c.state is not None:
        body += returns.fall_off(c, _end(node))
    _report_unreached(c, report)
    _check_locals(c, node, names, report)
    if role == "helper":
        returns.infer(c)
        _check_annotation(node, summary, report)
    whole.summaries[name] = summary
    return tree.Function(
        name=name,
        role=role,
        params=params,
        returns=_returned(role, summary),
        locals=tuple(
            (local, kind) for local, kind in c.declared.items() if local not in dict(params)
        ),
        body=tuple(body),
        calls=tuple(summary.calls),
        span=span_of(node),
    )


def _body(node: ast.FunctionDef) -> list[ast.stmt]:
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str())):
            return node.body[1:]
    return node.body


def _end(node: ast.FunctionDef) -> Span:
    last = span_of(node.body[-1])
    return Span(last.end_line, max(last.end_column - 1, 1), last.end_line, last.end_column)


def _check_form(node: ast.FunctionDef, report: Report) -> None:
    """Refuse what a plain function does not have."""
    for decorator in node.decorator_list:
        report.add("not-in-language", decorator, "decorators are not in this language", "remove it")
    for kind in getattr(node, "type_params", []):
        report.add(
            "not-in-language", kind, "type parameters are not in this language", "remove them"
        )
    args = node.args
    strange = [*args.posonlyargs, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    for extra in (*strange, *args.defaults, *filter(None, args.kw_defaults)):
        report.add(
            "parameters",
            extra,
            f'"{node.name}" has parameters with "*", "/" or a default',
            "write plain names: def f(a, b):",
        )
    if len(args.args) > limits.ARGUMENTS_MAX:
        report.add(
            "parameters",
            node,
            f"a function has at most {limits.ARGUMENTS_MAX} parameters, got {len(args.args)}",
            "pass a record",
        )


def _parameters(
    node: ast.FunctionDef, role: str, scope: Scope, summary: Summary, report: Report
) -> tuple[tuple[str, Type], ...]:
    names = [arg.arg for arg in node.args.args]
    for position, arg in enumerate(node.args.args):
        if arg.arg in names[:position]:
            report.add("duplicate-name", arg, f'"{arg.arg}" is there twice', "choose another name")
    if role in ENTRIES:
        return _entry_parameters(node, role, names, report)
    if role == "comparator":
        if len(names) != 2:
            report.add(
                "signature",
                node,
                f'the comparator "{node.name}" takes two packets, got {len(names)} parameters',
                f"write def {node.name}(a, b):",
            )
        return tuple((name, BORROWED_SKB) for name in names)
    params = []
    for arg in node.args.args:
        params.append((arg.arg, _annotated(arg, scope, summary, report)))
    return tuple(params)


def _entry_parameters(
    node: ast.FunctionDef, role: str, names: list[str], report: Report
) -> tuple[tuple[str, Type], ...]:
    spec = ENTRIES[role]
    if tuple(names) != spec.params:
        report.add(
            "signature",
            node,
            f"{role} takes ({', '.join(spec.params)}), got ({', '.join(names)})",
            f"write def {spec.signature}:",
        )
    for arg in node.args.args:
        if arg.annotation is not None:
            report.add(
                "annotation",
                arg,
                f"the parameters of {role} need no annotation",
                f"write def {spec.signature}:",
            )
    return tuple((name, CTX if name == "ctx" else SKB) for name in spec.params)


def _annotated(arg: ast.arg, scope: Scope, summary: Summary, report: Report) -> Type:
    match arg.annotation:
        case None if arg.arg == "ctx":
            return CTX
        case None | ast.Name(id="int"):
            return Type(Kind.INT)
        case ast.Name(id="bool"):
            return Type(Kind.BOOL)
        case ast.Name(id="Skb"):
            return SKB
        case ast.Name(id="Owned"):
            summary.owned |= {arg.arg}
            return SKB
        case ast.Name(id="Ctx") if arg.arg == "ctx":
            return CTX
        case ast.Name(id=name) if scope.record(name):
            return Type(Kind.RECORD, name)
    near = ""
    if isinstance(arg.annotation, ast.Name):
        near = did_you_mean(arg.annotation.id, ("int", "bool", "Skb", "Owned", *scope.records))
    report.add(
        "annotation",
        arg,
        f'the annotation of "{arg.arg}" is not a type of this language{near}',
        "write int, bool, Skb (lent), Owned (taken) or a record's name; ctx is always called ctx",
    )
    return Type(Kind.INT)


def _entry_state(params: tuple[tuple[str, Type], ...], role: str, summary: Summary) -> State:
    state: State = {}
    for name, kind in params:
        if kind.kind is Kind.CTX:
            continue
        own = ""
        if kind.kind in PACKETS:
            own = OWNED if role in ENTRIES or name in summary.owned else LENT
            own = BORROWED if role == "comparator" else own
        low, high = (0, 1) if kind.kind is Kind.BOOL else (tree.INT_MIN, tree.INT_MAX)
        state[name] = Var(kind=kind.kind, record=kind.record, own=own, low=low, high=high)
    return state


def _report_unreached(c: FunctionCheck, report: Report) -> None:
    for node in c.skipped - c.reached:
        report.add(
            "unreachable",
            node,
            "no path leads to this line",
            "remove it, or look at the return, break or loop above",
            severity="warning",
        )


def _check_locals(c: FunctionCheck, node: ast.FunctionDef, names: Names, report: Report) -> None:
    if len(names.locals) > limits.LOCALS_MAX:
        report.add(
            "too-many-declarations",
            node,
            f"a function has at most {limits.LOCALS_MAX} locals, got {len(names.locals)}",
            "move a part into a helper function",
        )


def _check_annotation(node: ast.FunctionDef, summary: Summary, report: Report) -> None:
    """Hold a written return type to the inferred one."""
    if node.returns is None or summary.returns is None:
        return
    match node.returns, summary.returns.kind:
        case (
            (ast.Name(id="int"), Kind.INT)
            | (ast.Name(id="bool"), Kind.BOOL)
            | (ast.Constant(value=None), Kind.VOID)
        ):
            return
    report.add(
        "annotation",
        node.returns,
        f'"{node.name}" returns {kind_text(summary.returns)}, which this annotation does not say',
        "leave it out: return types are inferred; int, bool and None may be written",
    )


def _returned(role: str, summary: Summary) -> Type:
    match role:
        case "enqueue" | "egress":
            return Type(Kind.VERDICT)
        case "dequeue":
            return Type(Kind.OPTIONAL_SKB)
        case "peek":
            return Type(Kind.OPTIONAL_SKB, borrowed=True)
        case "classify":
            return Type(Kind.INT)
        case "comparator":
            return Type(Kind.BOOL)
        case "helper":
            return summary.returns or Type(Kind.VOID)
    return Type(Kind.VOID)
