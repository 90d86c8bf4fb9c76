"""Advice: what a checked program would have to change to leave for the kernel as a BPF qdisc."""

from __future__ import annotations

from sandbox.language import tree
from sandbox.language.fields import SKB_FIELDS
from sandbox.language.helpers import HELPERS
from sandbox.language.report import Report
from sandbox.language.tree import Span
from sandbox.language.walk import Node, walk

STACK_LOCALS_MAX = 48  # 512 bytes of stack, some of it the compiler's own
CALL_ARGUMENTS_MAX = 5


def advise(program: tree.Program, report: Report) -> None:
    """Add advice on everything that works here and not in a BPF qdisc of Linux 6.16."""
    if program.class_record is not None:
        _add(
            report,
            program.class_record.span,
            "has classes",
            "keep per-class state in a HashMap by skb.priority",
        )
    for function in program.functions:
        if function.role in ("egress", "classify"):
            _add(
                report,
                function.span,
                f"{function.role} runs in the tc layer",
                "it becomes a tc program of its own that shares the maps",
            )
        if function.role == "timer":
            _add(report, function.span, "has a timer", "set ctx.delay and return THROTTLE instead")
        _advise_size(function, report)
        for node in walk(function.body):
            _advise_node(node, function.role, report)


def _add(report: Report, span: Span, what: str, hint: str) -> None:
    message = f"works here; not exportable: {what}"
    report.add("not-exportable", span, message, hint, severity="advice")


def _advise_size(function: tree.Function, report: Report) -> None:
    words = len(function.locals) + len(function.params)
    if words > STACK_LOCALS_MAX:
        report.add(
            "many-locals",
            function.span,
            f'works here; "{function.name}" has {words} locals, a BPF stack holds about {STACK_LOCALS_MAX}',
            "keep some of them in a record",
            severity="advice",
        )
    if function.role == "helper" and len(function.params) > CALL_ARGUMENTS_MAX:
        report.add(
            "many-arguments",
            function.span,
            f'works here; "{function.name}" has {len(function.params)} parameters, a BPF call passes '
            f"{CALL_ARGUMENTS_MAX}",
            "pass a record",
            severity="advice",
        )


def _advise_node(node: Node, role: str, report: Report) -> None:
    match node:
        case tree.SetSkbField(name=name, span=span) if not SKB_FIELDS[name].export_write:
            _add(report, span, f"writes skb.{name}", "only skb.tstamp and skb.cb may be written")
        case tree.SetCtx(name="classid", span=span):
            _add(report, span, "chooses a class", "keep packets in maps of the program")
        case tree.HelperCall(helper=helper, span=span) if not HELPERS[helper].exportable:
            _add(
                report, span, f"calls {helper}", "a BPF qdisc has no classes, filters or tc helpers"
            )
        case tree.VerdictConst(name="PASS" | "BYPASS" | "STOLEN" as name, span=span) if (
            role not in ("egress", "classify")
        ):
            _add(report, span, f"returns {name}", "push, drop or return the packet in the program")
        case tree.While(span=span):
            report.add(
                "unbounded-loop",
                span,
                "works here; the verifier wants to see the end of a loop",
                'write "for i in range(n):" with break',
                severity="advice",
            )
