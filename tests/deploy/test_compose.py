"""The compose file, as far as a machine without containers can tell: every service is hardened, every path exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import from_environment
from tests.backend.service import ROOT

FILE = ROOT / "docker-compose.yml"
SETTINGS = sorted((ROOT / "deploy").glob("*.env"))
OURS = "qdisc-playground"  # built from this checkout
# What a program cannot start without; nothing else may have any.
CAPABILITIES = {"proxy": ["NET_BIND_SERVICE"]}


@cache
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return document


SERVICES = sorted(compose()["services"])


def variables(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def filled(text: str, values: dict[str, str]) -> str:
    """Put variables in as compose does, for the one form that is used here."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: values.get(found[1], found[2]), text)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == CAPABILITIES.get(name, [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert 0 < service["pids_limit"] <= 512
    assert service["mem_limit"] == service["memswap_limit"]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["logging"]["options"]["max-size"]
    assert not service.get("privileged")
    for key in ("pid", "ipc", "network_mode", "devices", "userns_mode"):
        assert key not in service
    for mount in service.get("volumes", ()):
        assert "docker.sock" not in mount
        assert not mount.startswith("/")
    for mount in service.get("tmpfs", ()):
        assert {"noexec", "nosuid", "nodev"} <= set(mount.split(":", 1)[1].split(","))


def test_only_the_proxy_touches_the_outside() -> None:
    networks = compose()["networks"]
    ways_out = {name for name, network in networks.items() if not (network or {}).get("internal")}
    assert ways_out == {"outside"}
    for name, service in compose()["services"].items():
        assert ("outside" in service["networks"]) == (name == "proxy")
        assert ("ports" in service) == (name == "proxy")


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_to_an_exact_version(name: str) -> None:
    service = compose()["services"][name]
    if service["image"] != OURS:
        assert re.search(r":\d+\.\d+(\.\d+)?-[a-z]+$", service["image"])


def test_without_settings_nothing_but_this_machine_can_reach_it() -> None:
    for port in compose()["services"]["proxy"]["ports"]:
        assert filled(port, {}).startswith("127.0.0.1:")


@pytest.mark.parametrize("file", [None, *SETTINGS], ids=lambda file: file.name if file else "none")
def test_the_service_takes_the_settings_it_is_given(file: Path | None) -> None:
    values = variables(file)
    given = compose()["services"]["playground"]["environment"]
    settings = from_environment({name: filled(text, values) for name, text in given.items()})
    assert "127.0.0.1" in settings.hosts, "the health check asks under this name"
    assert settings.metrics_port
    assert settings.public_url == values.get("PUBLIC_URL", "")
    assert bool(settings.database_url) == ("DATABASE_URL" in values)
    if file is not None:
        assert settings.public_url == f"https://{values['SITE']}"
        assert values["SITE_NAME"] in settings.hosts
    if settings.database_url:
        assert values["POSTGRES_PASSWORD"] in settings.database_url
        assert "postgres" in values["COMPOSE_PROFILES"]
    assert bool(settings.scheduler) == ("cluster" in values.get("COMPOSE_PROFILES", ""))
    if settings.scheduler:
        assert values["LOCK"] == "cluster.txt"
        assert (ROOT / "requirements" / values["LOCK"]).exists()


def test_every_variable_of_a_settings_file_is_used() -> None:
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text())) | {"COMPOSE_PROFILES"}
    for file in SETTINGS:
        assert variables(file).keys() <= used, file.name


def compose_command() -> list[str] | None:
    """Return what reads compose files here: docker's plugin, or the program of old."""
    if docker := shutil.which("docker"):
        plugin = subprocess.run([docker, "compose", "version"], capture_output=True)
        if plugin.returncode == 0:
            return [docker, "compose"]
    old = shutil.which("docker-compose")
    return [old] if old else None


@pytest.mark.parametrize("file", [None, *SETTINGS], ids=lambda file: file.name if file else "none")
def test_compose_itself_reads_the_file(file: Path | None) -> None:
    command = compose_command()
    if command is None:
        pytest.skip("there is no docker compose; Debian: apt-get install docker-compose")
    options = [] if file is None else ["--env-file", str(file)]
    done = subprocess.run(
        [*command, *options, "config", "--quiet"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "not set" not in done.stderr
