"""The Dockerfile names what is there, and what it starts is what the project has."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from fnmatch import fnmatch

import pytest
import yaml

from backend import healthy
from tests.backend.service import ROOT, Service, service

TEXT = (ROOT / "Dockerfile").read_text()
LINES = re.sub(r"\\\n", " ", TEXT).splitlines()
STAGES = re.split(r"(?m)^FROM ", TEXT)[1:]
IGNORED = (ROOT / ".dockerignore").read_text().split()


def copied() -> list[str]:
    words = [line.split()[1:] for line in LINES if line.startswith("COPY")]
    return [source for line in words if not line[0].startswith("--from") for source in line[:-1]]


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_is_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert not any(fnmatch(source, pattern) for pattern in IGNORED)


def test_everything_the_service_reads_is_copied() -> None:
    final = STAGES[-1]
    for folder in ("sandbox", "backend", "scenarios"):
        assert f"COPY {folder} {folder}" in final


def test_the_base_is_pinned_and_node_stays_in_the_build_stage() -> None:
    assert re.search(r"(?m)^ARG BASE=python:3\.\d+\.\d+-slim-\w+$", TEXT)
    assert all(stage.startswith("${BASE}") for stage in STAGES)
    assert "prepare.py" in STAGES[0]
    assert "node" not in STAGES[-1].lower()


def test_packages_come_with_hashes_and_the_service_is_no_root() -> None:
    assert "--require-hashes" in TEXT
    user = re.search(r"(?m)^USER (\d+)$", STAGES[-1])
    assert user is not None
    assert int(user[1]) >= 10_000


def commands() -> list[list[str]]:
    found = [json.loads(line.split(" ", 1)[1]) for line in LINES if line.startswith("CMD")]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for each in services.values():
        if each.get("image") == "qdisc-playground":
            found.append(each["healthcheck"]["test"][1:])
            found += [each["command"]] if "command" in each else []
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_what_a_container_starts_is_in_the_project(command: list[str]) -> None:
    assert command[:2] == ["python", "-m"]
    assert importlib.util.find_spec(command[2]) is not None


def test_the_images_command_serves() -> None:
    (command, *_) = commands()
    options = command[3:]
    assert options == ["--host", "0.0.0.0", "--port", "8000", "--no-browser"]
    done = subprocess.run(
        [sys.executable, "-m", "backend", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert all(option in done.stdout for option in options if option.startswith("--"))


@pytest.fixture(scope="module")
def running() -> object:
    with service() as started:
        yield started


def test_the_health_check_is_content_with_a_locked_service(running: Service) -> None:
    done = subprocess.run([sys.executable, "-m", "backend.healthy", running.url], cwd=ROOT)
    assert done.returncode == 0


def test_the_health_check_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert healthy.main(["http://127.0.0.1:9/"]) == 1
    assert "does not answer" in capsys.readouterr().err
    assert healthy.main(["tcp://127.0.0.1:9"]) == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_a_part_of_a_cluster_is_healthy_when_it_can_be_reached(running: Service) -> None:
    place = running.url.removeprefix("http://").rstrip("/").replace("localhost", "127.0.0.1")
    assert healthy.main([f"tcp://{place}"]) == 0
