"""The shell: check a program or scenario, run or sweep a scenario, print the schema, list the library.

Exit codes: 0 all is well, 1 the program's or scenario's fault, 2 wrong usage, 3 a limit was
reached, 4 the two engines differ, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sandbox import cli_sweep, shelf
from sandbox.cli_inputs import (
    FAULT,
    LIMIT,
    OK,
    STOPPED,
    USAGE,
    UsageError,
    beside,
    checked_seed,
    engine_of,
    read,
    scenario_path,
    write,
)
from sandbox.cli_output import TraceWriter, counted_text, log_text, result_text
from sandbox.compare import compare
from sandbox.diagnostics import Diagnostic
from sandbox.engine import prepare
from sandbox.language.check import check
from sandbox.machines.interface import Engine
from sandbox.protocol import Job, Outcome
from sandbox.scenario.load import load
from sandbox.scenario.model import Scenario
from sandbox.scenario.replace import replaced_program
from sandbox.scenario.schema import schema_text

DIFFERENT = 4
ADVANCE_ROWS = 65_536


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
    except KeyboardInterrupt:
        print("python -m sandbox: stopped", file=sys.stderr)
        return STOPPED
    except (MemoryError, RecursionError):
        print("python -m sandbox: the text needs more memory than it may have", file=sys.stderr)
        return LIMIT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Check and run packet schedulers.",
        epilog="exit codes: 0 ok, 1 the program's fault, 2 usage, 3 limit, 4 engines differ, 130 stopped",
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
    run.add_argument("--engine", choices=(*Engine, "both"), default=Engine.WASM,
                     help="what runs it (wasm); both: run twice and compare")  # fmt: skip
    run.add_argument("--line-counts", action="store_true",
                     help="print each program with how often every line ran")  # fmt: skip
    run.add_argument("--summary", metavar="FILE", help="write the result as JSON")
    run.add_argument("--trace", metavar="FILE", help="write every event, one JSON object a line")
    run.set_defaults(command=run_command)
    cli_sweep.add_parser(commands)
    schema = commands.add_parser("schema", help="print the JSON schema of scenarios")
    schema.set_defaults(command=schema_command)
    library = commands.add_parser("library", help="list the qdiscs of the library")
    library.set_defaults(command=library_command)
    return parser


# --- check ----------------------------------------------------------------------------------------


def check_command(arguments: argparse.Namespace) -> int:
    """Report the problems of one file."""
    path = Path(arguments.file)
    data = read(path)
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
    programs, files = beside(path, data)
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
    path = scenario_path(arguments.scenario)
    data = read(path)
    programs, files = beside(path, data)
    loaded = load(data, files, duration=arguments.duration)
    if loaded.model is None:
        return _refused(loaded.diagnostics, path, _expected_error(data))
    if arguments.program:
        text = read(Path(arguments.program))
        name = replaced_program(loaded.model, Path(arguments.program).name)
        programs[name] = text.decode("utf-8", "replace")
    job = Job(
        scenario=data.decode(),
        programs=programs,
        files=files,
        params=_params(arguments.params),
        seed=checked_seed(arguments.seed),
        duration=arguments.duration,
        trace=bool(arguments.trace),
        line_counts=arguments.line_counts,
    )
    engine = engine_of(arguments.engine)
    prepared = prepare(job, engine)
    if prepared.run is None:
        return _refused(prepared.diagnostics, path, loaded.model.expect_error)
    for one in prepared.diagnostics:
        if one.severity == "warning":
            print(_render(one, path), file=sys.stderr)
    finished, log = _drive(prepared.run, arguments.trace)
    print(result_text(loaded.model, finished), end="")
    print(log_text(log, prepared.run.started()["places"]), end="")
    for name, counts in finished["lines"].items():
        print(counted_text(name, prepared.run.network.programs.sources()[name], counts), end="")
    if arguments.summary:
        write(Path(arguments.summary), json.dumps(finished, indent=2, sort_keys=True) + "\n")
    if arguments.engine == "both":
        differences = compare(job)
        for line in differences:
            print(line)
        if differences:
            return DIFFERENT
        print("both engines agree")
    return _exit_code(loaded.model, finished)


def _drive(run: Any, trace: str | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Compute a run to its end; return its result and the lines its programs wrote."""
    log: list[dict[str, Any]] = []
    if not trace:
        while not run.done:
            run.advance(ADVANCE_ROWS)
            log += run.log_since()
        return dict(run.finished()), log
    try:
        with Path(trace).open("w", encoding="utf-8") as stream:
            writer = TraceWriter(stream, run.started())
            while not run.done:
                rows = run.advance(ADVANCE_ROWS)
                fresh = run.log_since()
                writer.write(rows, fresh)
                log += fresh
    except OSError as error:
        raise UsageError(f"cannot write {trace}: {error.strerror}") from None
    return dict(run.finished()), log


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


def _expected_error(data: bytes) -> str:
    """Return what a scenario that cannot be loaded says it must end with."""
    match = re.search(rb"^expect_error\s*=\s*([\"'])([a-z0-9-]+)\1", data, re.MULTILINE)
    return match[2].decode() if match else ""


# --- inputs ---------------------------------------------------------------------------------------


def _params(given: Sequence[str]) -> dict[str, int | str]:
    params: dict[str, int | str] = {}
    for one in given:
        name, equals, value = one.rpartition("=")
        if not equals or not name:
            raise UsageError(f"--set {one}: write NAME=VALUE")
        params[name.strip()] = value.strip()
    return params


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
