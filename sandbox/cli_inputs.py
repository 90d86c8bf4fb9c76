"""What the shell's commands read: scenarios, what lies beside them, programs, seeds; and the exit codes."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from sandbox import shelf
from sandbox.machines.interface import Engine

OK, FAULT, USAGE, LIMIT = 0, 1, 2, 3
STOPPED = 130  # as a shell reports Ctrl-C
MAX_FILE_BYTES = 64 * 1024 * 1024


class UsageError(Exception):
    """What was asked cannot be done; the message says what to ask instead."""


def engine_of(name: str) -> Engine:
    """Return the engine to run with; `both` compares with the reference afterwards."""
    engine = Engine.REFERENCE if name == Engine.REFERENCE else Engine.WASM
    if engine is Engine.WASM and find_spec("wasmtime") is None:
        raise UsageError("the package wasmtime is not installed; --engine reference does without")
    return engine


def read(path: Path) -> bytes:
    """Return the bytes of a file."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
    return data


def write(path: Path, text: str) -> None:
    """Write a text file."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def scenario_path(name: str) -> Path:
    """Return the path of a scenario file, or of a shipped one by TOPIC/NAME."""
    path = Path(name)
    if path.exists():
        return path
    shipped = shelf.SCENARIOS / f"{name.removesuffix('.toml')}.toml"
    if ".." not in path.parts and shipped.is_file():
        return shipped
    raise UsageError(f"no scenario {name}; give a TOML file or a shipped TOPIC/NAME")


def beside(path: Path, data: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the programs and files that lie beside a scenario and are named in its text."""
    programs: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for other in _neighbours(path):
        if os.fsencode(other.name) not in data or not other.is_file():
            continue
        if other.name.endswith(shelf.PROGRAM_SUFFIX):
            programs[other.name] = read(other).decode("utf-8", "replace")
        elif other.name.endswith(shelf.DATA_SUFFIXES):
            files[other.name] = read(other)
    return programs, files


def _neighbours(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.iterdir())
    except OSError:
        return []


def checked_seed(seed: int | None) -> int | None:
    """Return a seed that a run can have."""
    if seed is not None and not 0 <= seed < 2**63:
        raise UsageError("--seed takes a number from 0 to 2^63 - 1")
    return seed
