"""The whole stack in a real engine: python -m tests.deploy.stack

Builds the image, brings up proxy, service, Postgres, scheduler and two workers as deploy/cluster.env says, and holds
them to what they promise: every layer of the sandbox on, a batch on the cluster with the rows of the shell, nothing
lost when a worker and the service are killed. Needs Docker with compose, and minutes; what it made is gone afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.backend.service import ROOT
from tests.backend.test_batches import LIMITED, SCENARIO, slow, sweep

PROJECT = "playground-stack"
URL = "http://localhost:8000"
HERE = {
    "SITE": "http://localhost", "SITE_NAME": "localhost", "PUBLIC_URL": "", "PLAYGROUND_CPUS": "2",
    "HTTP_PUBLISH": "127.0.0.1:8000", "HTTPS_PUBLISH": "127.0.0.1:8443",
}  # fmt: skip
SEEDS = 20
PATIENCE_S = 120.0


def compose(*arguments: str) -> None:
    """Run compose with the settings of a cluster, on this machine's ports."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
    program = ["docker", "compose"] if plugin else ["docker-compose"]
    settings = ("--env-file", str(ROOT / "deploy" / "cluster.env"), "-p", PROJECT)
    subprocess.run([*program, *settings, *arguments], cwd=ROOT, check=True, env=os.environ | HERE)


def container(service: str, *arguments: str) -> None:
    """Do something to the first container of a service."""
    wanted = [
        f"label=com.docker.compose.{key}" for key in (f"project={PROJECT}", f"service={service}")
    ]
    filters = [word for one in wanted for word in ("--filter", one)]
    found = subprocess.run(
        ["docker", "ps", "-aq", *filters], capture_output=True, text=True, check=True
    )
    subprocess.run(["docker", *arguments, found.stdout.split()[-1]], check=True)


@contextmanager
def running() -> Iterator[None]:
    """Bring everything up; whatever happens, nothing of it stays."""
    try:
        compose("build")
        compose("up", "-d", "--scale", "worker=2")
        yield
    finally:
        compose("down", "-v", "--remove-orphans")


def until(what: str, test: Callable[[], bool]) -> None:
    """Wait for something; what fails meanwhile is tried again."""
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s:
        try:
            if test():
                print(f"ok: {what}", flush=True)
                return
        except (httpx.HTTPError, KeyError, ValueError):
            pass
        time.sleep(0.3)
    raise SystemExit(f"not so: {what}")


def state(batch_id: str) -> dict[str, Any]:
    """Return how far a batch is."""
    told: dict[str, Any] = httpx.get(f"{URL}/api/batches/{batch_id}").json()
    return told


def begun(body: dict[str, Any]) -> str:
    """Begin a batch."""
    return str(httpx.post(f"{URL}/api/batches", json=body, timeout=60).json()["id"])


def rows(batch_id: str) -> list[dict[str, Any]]:
    """Return the rows of a batch."""
    found: list[dict[str, Any]] = httpx.get(f"{URL}/api/batches/{batch_id}/results.json").json()[
        "rows"
    ]
    return found


def rows_of_the_shell() -> list[dict[str, Any]]:
    """Return the rows that this checkout computes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s.toml").write_text(SCENARIO)
        (folder / "mine.qdisc.py").write_text(LIMITED)
        command = [sys.executable, "-m", "sandbox", "sweep", str(folder / "s.toml"), "--summary"]
        command += ["--param", "limit=5,10,20", "--seeds", str(SEEDS), "--out", f"{name}/o.jsonl"]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return [json.loads(line) for line in (folder / "o.jsonl").read_text().splitlines()]


def main() -> int:
    """Hold the stack to its promises."""
    if shutil.which("docker") is None:
        raise SystemExit("there is no Docker here")
    with running():
        health = f"{URL}/api/health"
        until("the sandbox is locked", lambda: httpx.get(health).json()["locked"] is True)
        first = begun(sweep(seeds=SEEDS))
        until("a batch is done on the cluster", lambda: state(first)["state"] == "done")
        until("its rows are those of the shell", lambda: rows(first) == rows_of_the_shell())
        long = begun(slow(seeds=40))
        until("a long batch has rows", lambda: state(long)["done"] >= 5)
        container("worker", "kill")
        container("playground", "kill")
        container("playground", "start")
        until("it goes on after both died", lambda: state(long)["state"] == "running")
        done = state(long)["done"]
        until("and comes further", lambda: state(long)["done"] > done)
        until("no point failed", lambda: state(long)["failed"] == 0)
        until("the first batch has its rows", lambda: rows(first) == rows_of_the_shell())
    return 0


if __name__ == "__main__":
    sys.exit(main())
