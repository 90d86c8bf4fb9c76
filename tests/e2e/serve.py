"""Start `./run` itself, and look at the processes below it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Service(NamedTuple):
    """A running playground: its process and its address."""

    process: subprocess.Popen[str]
    address: str


@contextmanager
def started_service() -> Iterator[Service]:
    """Start ./run on a free port; whatever happens, it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="playground-") as state_dir:
        environment = {**os.environ, "QDISC_STATE_DIR": state_dir}
        yield from _served(environment)


def _served(environment: dict[str, str]) -> Iterator[Service]:
    command = ["./run", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        found = (re.search(r"http://\S+", line) for line in process.stdout)
        address = next((match.group() for match in found if match), "")
        assert address, "./run ended without an address"
        yield Service(process, address)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=15)
        process.stdout.close()


def descendants(pid: int) -> list[int]:
    """Return the processes below one, from /proc."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is not a zombie waiting for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
