"""Records: `class Flow(Record):` and `class Class(ClassRecord):` with annotated fields."""

from __future__ import annotations

import ast

from sandbox.language import limits, tree
from sandbox.language.constants import constant
from sandbox.language.params import read_param
from sandbox.language.report import Report, span_of
from sandbox.language.scope import Scope
from sandbox.language.tree import Kind

_SHAPE = 'a field is written "name: int = 0", "name: bool = False" or "name: Array(int, 8)"'


def declare_record(node: ast.ClassDef, scope: Scope, report: Report) -> None:
    """Read a record into the scope."""
    base = _base(node, report)
    per_class = base == "ClassRecord"
    fields: list[tree.RecordField] = []
    if per_class:
        fields.append(tree.RecordField(name="classid", kind=Kind.INT, default=0))
    offset = len(fields)
    for position, statement in enumerate(node.body):
        if _is_filler(statement, position):
            continue
        field = _field(statement, offset, per_class, scope, report)
        if field is None:
            continue
        if any(other.name == field.name for other in fields):
            report.add(
                "duplicate-name",
                statement,
                f'the field "{field.name}" is already there',
                "every class record has classid"
                if field.name == "classid"
                else "choose another name",
            )
            continue
        fields.append(field)
        offset += field.length or 1
    _check_size(node, len(fields), offset, report)
    record = tree.Record(
        name=node.name,
        fields=tuple(fields),
        words=max(offset, 1),
        per_class=per_class,
        span=span_of(node),
    )
    if not per_class:
        scope.records[node.name] = record
        return
    if scope.class_record is not None:
        report.add(
            "record",
            node,
            f'a program has one ClassRecord, "{scope.class_record.name}" is the first',
            "put all class parameters into one",
        )
    scope.class_record = record


def _base(node: ast.ClassDef, report: Report) -> str:
    names = [base.id for base in node.bases if isinstance(base, ast.Name)]
    if names in (["Record"], ["ClassRecord"]) and len(node.bases) == 1:
        if node.keywords or node.decorator_list or getattr(node, "type_params", []):
            report.add("record", node, "a record has no options or decorators", "leave them out")
        return names[0]
    report.add(
        "record",
        node,
        f'class "{node.name}" is neither a Record nor a ClassRecord',
        f'write "class {node.name}(Record):"; there are no other classes',
    )
    return "Record"


def _is_filler(statement: ast.stmt, position: int) -> bool:
    match statement:
        case ast.Pass():
            return True
        case ast.Expr(value=ast.Constant(value=str())):
            return position == 0
    return False


def _field(
    statement: ast.stmt, offset: int, per_class: bool, scope: Scope, report: Report
) -> tree.RecordField | None:
    match statement:
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="Param")) as call
        ) if per_class:
            param = read_param(name, call, scope, report, scalar=True)
            first = param.default if isinstance(param.default, int) else 0
            return tree.RecordField(
                name=name, kind=param.kind, default=first, offset=offset, param=param
            )
        case ast.AnnAssign(target=ast.Name(id=name)):
            return _annotated(name, statement, offset, scope, report)
        case ast.FunctionDef(name=name):
            report.add(
                "record",
                statement,
                f'a record has no methods, got "{name}"',
                f'write "def {name}(...)" at the top level',
            )
        case ast.Assign(value=ast.Call(func=ast.Name(id="Param"))):
            report.add(
                "record",
                statement,
                "only a ClassRecord has parameters",
                'write "class Class(ClassRecord):"',
            )
        case _:
            report.add("record", statement, "this is not a field", _SHAPE)
    return None


def _annotated(
    name: str, node: ast.AnnAssign, offset: int, scope: Scope, report: Report
) -> tree.RecordField | None:
    match node.annotation:
        case ast.Name(id="int" | "bool" as word):
            kind = Kind.INT if word == "int" else Kind.BOOL
            return tree.RecordField(
                name=name, kind=kind, default=_default(node, kind, scope, report), offset=offset
            )
        case ast.Call(func=ast.Name(id="Array"), args=[ast.Name(id="int"), size], keywords=[]):
            found = constant(size, scope, report)
            length = 1 if found is None else found.value
            if not 1 <= length <= limits.ARRAY_LENGTH_MAX:
                report.add(
                    "record",
                    size,
                    f"an Array has 1 to {limits.ARRAY_LENGTH_MAX} items, got {length}",
                    "use an ArrayMap for longer tables",
                )
                length = 1
            if node.value is not None:
                report.add(
                    "record", node.value, "an Array field has no default", "its items begin as 0"
                )
            return tree.RecordField(
                name=name, kind=Kind.INT, default=0, length=length, offset=offset
            )
    report.add(
        "record", node.annotation, f'the field "{name}" has no type this language knows', _SHAPE
    )
    return tree.RecordField(name=name, kind=Kind.INT, default=0, offset=offset)


def _default(node: ast.AnnAssign, kind: Kind, scope: Scope, report: Report) -> int:
    if node.value is None:
        return 0
    found = constant(node.value, scope, report)
    if found is None:
        return 0
    if kind is Kind.BOOL and found.kind is not Kind.BOOL:
        report.add(
            "record", node.value, "the default of a bool is True or False", 'write "= False"'
        )
    return found.value


def _check_size(node: ast.ClassDef, fields: int, words: int, report: Report) -> None:
    if fields > limits.FIELDS_MAX:
        report.add(
            "too-many-declarations",
            node,
            f"a record has at most {limits.FIELDS_MAX} fields, got {fields}",
            "use an Array field, or a second map",
        )
    if words > limits.RECORD_WORDS_MAX:
        report.add(
            "record",
            node,
            f"a record holds at most {limits.RECORD_WORDS_MAX} ints, got {words}",
            "use an ArrayMap for long tables",
        )
