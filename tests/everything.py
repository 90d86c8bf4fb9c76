"""Run every check and test of the project in order and close with one count: what `./test` does.

`./test` runs all of it, `./test --fast` the Python part on this interpreter. The exit status is 0 when
nothing failed; with CI=true in the environment a skipped test or a missing browser is a failure too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from requirements import prepare
from tests.store import postgres

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".state" / "reports"
SUPPORTED = ("3.11", "3.12", "3.13")
# What an interpreter between the oldest and the newest runs: what depends on Python's trees, code and system calls. The
# newest also runs what uses most of the standard library. The rest is about what happens around the service, or about
# the compiled simulator, whose code is the same everywhere: it runs on the first interpreter only.
BETWEEN = (
    *("language", "compiler", "core", "worker"),
    *("wasm/test_agree.py", "wasm/test_dialect.py", "wasm/test_machine.py", "wasm/test_random.py"),
)
NEWEST = (
    *BETWEEN,
    *("scenario", "qdiscs", "sweep", "client", "test_cli.py", "test_scripts.py"),
    *("backend/test_http.py", "backend/test_runs.py", "backend/test_sockets.py"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
PARALLEL = ("-nauto", "--maxprocesses=8", "--dist=worksteal")
EXAMPLES_ELSEWHERE = "12"  # random jobs a test, on an interpreter after the first
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


@dataclass(slots=True)
class Outcome:
    """What came of one step: how many tests passed, failed and were skipped, and how long it took."""

    title: str
    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """A command; `report` is the JUnit file it writes when it counts tests itself."""

    title: str
    command: Sequence[str]
    folder: Path = ROOT
    report: Path | None = None
    environment: dict[str, str] | None = None


def count(report: Path, outcome: Outcome) -> None:
    """Add the test cases of a JUnit file to an outcome."""
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        elif (skipped := case.find("skipped")) is not None:
            outcome.skipped.append(f"{name}: {skipped.get('message', 'no reason given')}")
        else:
            outcome.passed += 1


def perform(step: Step) -> Outcome:
    """Run one step to its end and count what it says; a command without a report is one test."""
    print(f"\n--- {step.title}", flush=True)
    if step.report is not None:
        step.report.unlink(missing_ok=True)
    started = time.monotonic()
    environment = step.environment or dict(os.environ)
    status = subprocess.run(step.command, cwd=step.folder, env=environment).returncode
    outcome = Outcome(step.title, seconds=time.monotonic() - started)
    if step.report is not None and step.report.exists():
        count(step.report, outcome)
    elif status == 0:
        outcome.passed += 1
    if status != 0 and outcome.failed == 0:
        outcome.failed += 1
    return outcome


# --- the steps -------------------------------------------------------------------------------------


def tool(name: str, *arguments: str) -> list[str]:
    """Return the command line of a tool installed beside this interpreter."""
    return [str(Path(sys.executable).with_name(name)), *arguments]


def static_steps() -> list[Step]:
    """Return the checks that only read the Python sources."""
    return [
        Step("ruff check", tool("ruff", "check", "--quiet", ".")),
        Step("ruff format", tool("ruff", "format", "--quiet", "--check", ".")),
        Step("mypy", tool("mypy", "--no-error-summary")),
        Step("import rules", tool("lint-imports", "--no-cache")),
        Step("locked packages", [sys.executable, "-m", "requirements.audit"]),
    ]


def pytest_step(title: str, python: str, marks: str, *arguments: str) -> Step:
    """Return a run of pytest with a report of its own."""
    report = REPORTS / f"{title.replace(' ', '-')}.xml"
    options = ["-m", marks, f"--junitxml={report}", *arguments]
    return Step(title, [python, "-m", "pytest", *options], report=report)


def page_steps() -> list[Step]:
    """Return the checks and tests of the page, by the Node that came with the packages."""
    venv = Path(sys.prefix)
    npm = [*map(str, prepare.npm(venv)), "run", "--silent"]
    environment = prepare.node_environment(venv)
    report = REPORTS / "page.xml"
    page = ROOT / "frontend"
    vitest = [*npm, "test", "--", "--reporter=default", "--reporter=junit"]
    return [
        Step("page: types and style", [*npm, "check"], page, None, environment),
        Step("page", [*vitest, f"--outputFile.junit={report}"], page, report, environment),
        Step("page: size", [*npm, "budget"], page, None, environment),
    ]


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome, installing Debian's where that is allowed."""
    for name in (os.environ.get("CHROMIUM", ""), *BROWSERS, MAC_CHROME):
        if name and (path := shutil.which(name)):
            return path
    install_debian("chromium")
    return shutil.which("chromium")


def install_debian(package: str) -> None:
    """Install a package of Debian where that is allowed."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"\n--- installing Debian's {package}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", package]):
        subprocess.run(["apt-get", "-qq", *arguments], env=environment)


def find_python(version: str) -> str | None:
    """Return an interpreter of a minor version, from PATH or from pyenv."""
    folders = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        shutil.which(f"python{version}"),
        *sorted(folders.glob(f"{version}.*/bin/python")),
    ]
    probe = "import sys, ensurepip; print('%d.%d' % sys.version_info[:2])"
    for candidate in filter(None, candidates):
        result = subprocess.run([str(candidate), "-c", probe], capture_output=True, text=True)
        if result.returncode == 0 and result.stdout.strip() == version:
            return str(candidate)
    return None


def other_python(version: str, python: str) -> Outcome:
    """Run the Python tests on another interpreter, in an environment of its own."""
    venv = ROOT / ".state" / f"venv-{version}"
    command = [python, "requirements/prepare.py", "--tests", "--no-page", "--venv", str(venv)]
    made = perform(Step(f"packages for Python {version}", command))
    if made.failed:
        return made
    interpreter = str(venv / "bin" / "python")
    chosen = [f"tests/{name}" for name in (NEWEST if version == SUPPORTED[-1] else BETWEEN)]
    step = pytest_step(f"python {version}", interpreter, "not e2e and not slow", *PARALLEL, *chosen)
    fewer = {**os.environ, "AGREE_EXAMPLES": EXAMPLES_ELSEWHERE}
    return perform(replace(step, environment=fewer))


# --- all of it ---------------------------------------------------------------------------------------


def run_all(fast: bool, notes: list[str]) -> list[Outcome]:
    """Run the steps in order; `notes` collects what could not run, and why."""
    outcomes = [perform(step) for step in static_steps()]
    # Without it the tests of the store say that they could not run on Postgres.
    if postgres.programs() is None:
        install_debian("postgresql")
    # The proxy of deploy/, and what reads the compose file.
    for program in ("caddy", "docker-compose"):
        if not shutil.which(program):
            install_debian(program)
    outcomes.append(perform(pytest_step("python", sys.executable, "not e2e", *PARALLEL)))
    if fast:
        return outcomes
    outcomes += [perform(step) for step in page_steps()]
    browser = find_browser()
    if browser is None:
        notes.append("end to end: no Chromium or Chrome was found, and none can be installed here")
    else:
        os.environ["CHROMIUM"] = browser
        outcomes.append(
            perform(pytest_step("browser", sys.executable, "e2e", "-n2", "--dist=worksteal"))
        )
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    for version in SUPPORTED:
        if version == running:
            continue
        if python := find_python(version):
            outcomes.append(other_python(version, python))
        else:
            notes.append(f"Python {version}: no interpreter was found")
    return outcomes


def summarise(outcomes: Sequence[Outcome], notes: Sequence[str], say: Callable[[str], None]) -> int:
    """Print the table and the closing count; return the exit status."""
    say("")
    for outcome in outcomes:
        verdict = "FAILED" if outcome.failed else "ok"
        numbers = (
            f"{outcome.passed:6} passed {outcome.failed:4} failed {len(outcome.skipped):4} skipped"
        )
        say(f"{outcome.title:24} {verdict:7} {numbers} {outcome.seconds:7.1f} s")
    skipped = [text for outcome in outcomes for text in outcome.skipped]
    for text in (*skipped, *notes):
        say(f"not run: {text}")
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    missing_browser = any(note.startswith("end to end") for note in notes)
    if IN_CI and (skipped or missing_browser):
        say("a skipped test is a failure in CI")
        failed += len(skipped) + missing_browser
        skipped = []
    tail = f", {len(skipped)} skipped" if skipped else ""
    say(f"total: {passed} passed, {failed} failed{tail}")
    return 1 if failed or not passed else 0


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="./test", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="Python only, on this interpreter")
    options = parser.parse_args()
    REPORTS.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    try:
        outcomes = run_all(options.fast, notes)
    except KeyboardInterrupt:
        print("test: stopped", file=sys.stderr)
        return 130
    return summarise(outcomes, notes, print)


if __name__ == "__main__":
    sys.exit(main())
