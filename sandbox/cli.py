"""The shell: check a program or scenario, run a scenario, print the schema, list the library.

Exit codes: 0 all is well, 1 the program's or scenario's fault, 2 wrong usage, 3 a limit was
reached.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sandbox import shelf
from sandbox.cli_output import TraceWriter, result_text
from sandbox.diagnostics import Diagnostic
from sandbox.engine import prepare
from sandbox.language.check import check
from sandbox.protocol import Job, Outcome
from sandbox.scenario.load import load
from sandbox.scenario.model import ROOT, Scenario
from sandbox.scenario.schema import schema_text

OK, FAULT, USAGE, LIMIT = 0, 1, 2, 3
MAX_FILE_BYTES = 64 * 1024 * 1024
ADVANCE_ROWS = 65_536


class UsageError(Exception):
    """What was asked cannot be done; the message says what to ask instead."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has printed why
        return int(stop.code or 0)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except UsageError as error:
        print(f"python -m sandbox: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        return OK
    except (MemoryError, RecursionError):
        print("python -m sandbox: the text needs more memory than it may have", file=sys.stderr)
        return LIMIT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Check and run packet schedulers.",
        epilog="exit codes: 0 ok, 1 the program's fault, 2 usage, 3 limit",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    checks = commands.add_parser("check", help="report every problem of a program or scenario")
    checks.add_argument("file", metavar="FILE", help="NAME.qdisc.py or NAME.toml")
    checks.add_argument("--json", action="store_true", help="print one JSON object")
    checks.set_defaults(command=check_command)
    run = commands.add_parser("run", help="run a scenario and print what came out")
    run.add_argument("scenario", metavar="SCENARIO", help="a TOML file, or a shipped TOPIC/NAME")
    run.add_argument("--program", metavar="FILE", help="use this program instead of the scenario's")
    run.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="params",
                     help="set a parameter, e.g. limit=50 or 'eth0 1:.limit=50'")  # fmt: skip
    run.add_argument("--seed", type=int, metavar="N", help="instead of the scenario's")
    run.add_argument("--duration", metavar="TIME", help="instead of the scenario's, e.g. 5s")
    run.add_argument("--summary", metavar="FILE", help="write the result as JSON")
    run.add_argument("--trace", metavar="FILE", help="write every event, one JSON object a line")
    run.set_defaults(command=run_command)
    schema = commands.add_parser("schema", help="print the JSON schema of scenarios")
    schema.set_defaults(command=schema_command)
    library = commands.add_parser("library", help="list the qdiscs of the library")
    library.set_defaults(command=library_command)
    return parser


# --- check ----------------------------------------------------------------------------------------


def check_command(arguments: argparse.Namespace) -> int:
    """Report the problems of one file."""
    path = Path(arguments.file)
    data = _read(path)
    if path.suffix == ".toml":
        diagnostics = _check_scenario(path, data)
    else:
        diagnostics = check(data, path.name).diagnostics
    ok = not any(one.severity == "error" for one in diagnostics)
    if arguments.json:
        shown = [one.to_json() for one in diagnostics]
        print(json.dumps({"ok": ok, "diagnostics": shown}, indent=2))
    else:
        for one in diagnostics:
            print(_render(one, path))
        if ok:
            print(f"{path}: ok")
    return OK if ok else FAULT


def _check_scenario(path: Path, data: bytes) -> tuple[Diagnostic, ...]:
    programs, files = _beside(path, data)
    loaded = load(data, files)
    if loaded.model is None:
        return loaded.diagnostics
    job = Job(scenario=data.decode(), programs=programs, files=files, trace=False)
    own = {"scenario", *programs}  # advice about the library is not for who writes a scenario
    return tuple(
        one for one in prepare(job).diagnostics if one.severity != "advice" or one.source in own
    )


def _render(diagnostic: Diagnostic, path: Path) -> str:
    text = diagnostic.render()
    return text if diagnostic.source else f"{path.name}: {text}"


# --- run ------------------------------------------------------------------------------------------


def run_command(arguments: argparse.Namespace) -> int:
    """Run one scenario."""
    path = _scenario_path(arguments.scenario)
    data = _read(path)
    programs, files = _beside(path, data)
    loaded = load(data, files, duration=arguments.duration)
    if loaded.model is None:
        return _refused(loaded.diagnostics, path, _expected_error(data))
    if arguments.program:
        text = _read(Path(arguments.program))
        name = replaced_program(loaded.model, Path(arguments.program).name)
        programs[name] = text.decode("utf-8", "replace")
    job = Job(
        scenario=data.decode(),
        programs=programs,
        files=files,
        params=_params(arguments.params),
        seed=_seed(arguments.seed),
        duration=arguments.duration,
        trace=bool(arguments.trace),
    )
    prepared = prepare(job)
    if prepared.run is None:
        return _refused(prepared.diagnostics, path, loaded.model.expect_error)
    for one in prepared.diagnostics:
        if one.severity == "warning":
            print(_render(one, path), file=sys.stderr)
    finished = _drive(prepared.run, arguments.trace)
    print(result_text(loaded.model, finished), end="")
    if arguments.summary:
        _write(Path(arguments.summary), json.dumps(finished, indent=2, sort_keys=True) + "\n")
    return _exit_code(loaded.model, finished)


def _drive(run: Any, trace: str | None) -> dict[str, Any]:
    if not trace:
        while not run.done:
            run.advance(ADVANCE_ROWS)
        return dict(run.finished())
    try:
        with Path(trace).open("w", encoding="utf-8") as stream:
            writer = TraceWriter(stream, run.started())
            while not run.done:
                rows = run.advance(ADVANCE_ROWS)
                writer.write(rows, run.log_since())
    except OSError as error:
        raise UsageError(f"cannot write {trace}: {error.strerror}") from None
    return dict(run.finished())


def _refused(diagnostics: Sequence[Diagnostic], path: Path, expected: str) -> int:
    errors = [one for one in diagnostics if one.severity == "error"]
    for one in errors:
        print(_render(one, path))
    if expected and any(one.slug == expected for one in errors):
        print(f"refused with {expected}, as this scenario promises")
        return OK
    return FAULT


def _exit_code(scenario: Scenario, finished: dict[str, Any]) -> int:
    outcome = str(finished["outcome"])
    fault = finished.get("fault") or {}
    if scenario.expect_error:
        met = scenario.expect_error in (outcome, fault.get("slug"), fault.get("code"))
        return OK if met else FAULT
    if outcome.startswith("limit-"):
        return LIMIT
    kept = all(one["ok"] for one in finished["expects"])
    return OK if outcome == Outcome.OK and kept else FAULT


def replaced_program(scenario: Scenario, file_name: str) -> str:
    """Return the name of the program that a `--program` file stands for.

    One of the same name is replaced; else the program of the first root qdisc.
    """
    shared = {one.name: one for one in scenario.programs}
    names: dict[str, None] = {}
    for qdisc in sorted(scenario.qdiscs, key=lambda one: one.parent != ROOT):
        name = qdisc.program.name
        if qdisc.program.origin == "shared" and shared[name].origin != "inline":
            name = shared[name].source
        names[name] = None
    if file_name in names or not names:
        return file_name
    plain = file_name.removesuffix(shelf.PROGRAM_SUFFIX)
    return plain if plain in names else next(iter(names))


def _expected_error(data: bytes) -> str:
    """Return what a scenario that cannot be loaded says it must end with."""
    match = re.search(rb'^expect_error\s*=\s*"([a-z0-9-]+)"', data, re.MULTILINE)
    return match[1].decode() if match else ""


# --- inputs ---------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
    return data


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _scenario_path(name: str) -> Path:
    path = Path(name)
    if path.exists():
        return path
    shipped = shelf.SCENARIOS / f"{name.removesuffix('.toml')}.toml"
    if ".." not in path.parts and shipped.is_file():
        return shipped
    raise UsageError(f"no scenario {name}; give a TOML file or a shipped TOPIC/NAME")


def _beside(path: Path, data: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the programs and files that lie beside a scenario and are named in its text."""
    programs: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for other in _neighbours(path):
        if os.fsencode(other.name) not in data or not other.is_file():
            continue
        if other.name.endswith(shelf.PROGRAM_SUFFIX):
            programs[other.name] = _read(other).decode("utf-8", "replace")
        elif other.name.endswith(shelf.DATA_SUFFIXES):
            files[other.name] = _read(other)
    return programs, files


def _neighbours(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.iterdir())
    except OSError:
        return []


def _params(given: Sequence[str]) -> dict[str, int | str]:
    params: dict[str, int | str] = {}
    for one in given:
        name, equals, value = one.rpartition("=")
        if not equals or not name:
            raise UsageError(f"--set {one}: write NAME=VALUE")
        params[name.strip()] = value.strip()
    return params


def _seed(seed: int | None) -> int | None:
    if seed is not None and not 0 <= seed < 2**63:
        raise UsageError("--seed takes a number from 0 to 2^63 - 1")
    return seed


# --- lists ----------------------------------------------------------------------------------------


def schema_command(_: argparse.Namespace) -> int:
    """Print the JSON schema of scenarios."""
    print(schema_text(), end="")
    return OK


def library_command(_: argparse.Namespace) -> int:
    """List the library: name and title of each qdisc."""
    shelf.load()
    for one in shelf.library()["programs"]:
        print(f"{one['name']:<12} {one['title']}")
    return OK
