"""Every limit and path of the service, read once from the environment; docs/limits.md lists them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_network
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "QDISC_"
MIB = 1 << 20


class SettingError(ValueError):
    """A variable in the environment has a value that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The service's settings; each is also the variable QDISC_ and its name in capitals."""

    host: str = "127.0.0.1"
    port: int = 8000
    # Names this service answers to, and origins besides its own that may use it; "*" is any.
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    origins: tuple[str, ...] = ()
    # Networks of the proxies in front of it, whose word counts for a client's address.
    proxies: tuple[str, ...] = ()
    allow_unlocked: bool = False
    # What runs a simulation: "reference" interprets, "wasm" compiles.
    engine: str = "wasm"
    scenarios_dir: Path = ROOT / "scenarios"
    page_dir: Path = ROOT / "frontend" / "dist"
    # Where the embedded database lives; or the URL of a Postgres, which then needs no folder.
    state_dir: Path = ROOT / ".state"
    database_url: str = ""
    # How the world reaches this service, e.g. https://play.example; "" is as the request says.
    public_url: str = ""

    # Where Prometheus scrapes, if anywhere; and how the log is written.
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    log_format: str = "text"
    log_requests: bool = False

    run_cpu_ms: int = 10_000
    run_memory_bytes: int = 256 * MIB
    check_cpu_ms: int = 2_000
    check_memory_bytes: int = 256 * MIB
    # Wall time counts only while the service waits for a worker that has credit.
    run_wall_s: float = 35.0
    check_wall_s: float = 10.0
    # A worker without credit, or paused, gives up its place after this; its run resumes later.
    stall_s: float = 5.0
    run_json_bytes: int = 64 * MIB

    live_runs: int = 2 * (os.cpu_count() or 1)
    live_runs_per_client: int = 2
    checks: int = 2 * (os.cpu_count() or 1)
    queue: int = 50
    sockets_per_client: int = 16

    # Of one address; bursts may be a minute's worth.
    sockets_per_minute: int = 120
    runs_per_minute: int = 60
    checks_per_minute: int = 240
    batches_per_minute: int = 10

    # Batches: points at once, what a point may use, what one client and all may have under way.
    batch_workers: int = os.cpu_count() or 1
    # A Dask scheduler that runs points instead, tcp:// or tls://, points a task, and its TLS.
    scheduler: str = ""
    batch_group: int = 20
    scheduler_ca: Path | None = None
    scheduler_cert: Path | None = None
    scheduler_key: Path | None = None
    point_cpu_ms: int = 20_000
    point_memory_bytes: int = 256 * MIB
    point_wall_s: float = 60.0
    point_nice: int = 10
    batch_points: int = 10_000
    batch_points_waiting: int = 100_000
    batches_per_client: int = 2
    batch_days: int = 30

    share_bytes: int = 256 * 1024
    share_file_bytes: int = 8 * MIB
    shares_total_bytes: int = 20 * 1024 * MIB
    shares_per_minute: int = 10
    share_misses_per_minute: int = 20
    share_days: int | None = None

    send_timeout_s: float = 10.0
    # A browser that answers no ping for as long again is gone.
    ping_s: float = 20.0
    message_bytes: int = 12 * MIB
    control_bytes: int = 8 * 1024
    body_bytes: int = 12 * MIB
    body_timeout_s: float = 30.0
    errors_per_socket: int = 20
    start_timeout_s: float = 30.0


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` asks for; unknown QDISC_ variables are refused."""
    known = {PREFIX + item.name.upper(): item for item in fields(Settings)}
    values: dict[str, object] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in known:
            raise SettingError(f"unknown setting {variable}; known are {', '.join(sorted(known))}")
        item = known[variable]
        values[item.name] = _parse(variable, str(item.type), text)
    # The name that platforms give the address of a database they provide.
    if "DATABASE_URL" in environment:
        values.setdefault("database_url", environment["DATABASE_URL"])
    if "SCHEDULER" in environment:
        values.setdefault("scheduler", environment["SCHEDULER"])
    _choose(values, "engine", "reference", "wasm")
    _choose(values, "log_format", "text", "json")
    for text in values.get("proxies", ()):  # type: ignore[attr-defined]
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise SettingError(
                f'{PREFIX}PROXIES has addresses or networks such as 10.0.0.0/8, got "{text[:60]}"'
            ) from None
    return Settings(**values)  # type: ignore[arg-type]


def _choose(values: Mapping[str, object], name: str, first: str, second: str) -> None:
    if values.get(name, first) not in (first, second):
        raise SettingError(f'{PREFIX}{name.upper()} must be "{first}" or "{second}"')


def _parse(variable: str, kind: str, text: str) -> object:
    try:
        match kind:
            case "int" | "int | None" | "float":
                number = float(text) if kind == "float" else int(text)
                if number <= 0:
                    raise ValueError(text)
                return number
            case "bool":
                return {"1": True, "true": True, "0": False, "false": False}[text.lower()]
            case "Path" | "Path | None":
                return Path(text)
            case "tuple[str, ...]":
                return tuple(part.strip() for part in text.split(",") if part.strip())
            case _:
                return text
    except (ValueError, KeyError):
        wanted = {"float": "a positive number", "bool": "1 or 0"}.get(kind, "a positive integer")
        raise SettingError(f'{variable} must be {wanted}, got "{text[:60]}"') from None
