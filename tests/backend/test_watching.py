"""The operator sees what goes on, and nothing of what users write or where they are."""

from __future__ import annotations

import json
import logging
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import InvalidStatus

from backend.logs import REQUEST_ID, Json, Plain
from tests.backend.service import FIFO, ROOT, inputs, service
from tests.backend.sharing import posted, share

CANARY = "canary-4f1d22"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def scraped(port: int) -> tuple[str, Samples]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return text, samples


def test_runs_rows_requests_and_places_are_counted() -> None:
    port = free_port()
    with service(metrics_port=port) as running:
        name = posted(running, share())
        running.get(f"/api/shares/{name}")
        running.get("/no/such/thing")
        running.post("/api/check", {"program": "x"}, headers={"origin": "http://evil.example"})
        with running.connect() as client:
            client.start(inputs())
            run = client.to_end()
            client.start(inputs(program="nonsense"), 2)
            client.to_end()
            text, samples = scraped(port)
        assert samples["qdisc_runs_total", (("outcome", "ok"),)] == 1
        assert samples["qdisc_runs_total", (("outcome", "compile-error"),)] == 1
        assert samples["qdisc_rows_total", ()] == run.count
        assert samples["qdisc_run_start_seconds_count", ()] == 1
        assert samples["qdisc_sockets", ()] == 1
        assert samples["qdisc_live_runs", ()] == 0
        assert samples["qdisc_zygote_up", ()] == 1
        assert samples["qdisc_zygotes_total", ()] == 1
        assert samples["process_open_fds", ()] > 3

        def requests(method: str, route: str, status: str) -> float:
            labels = (("method", method), ("route", route), ("status", status))
            return samples["qdisc_request_seconds_count", labels]

        assert requests("GET", "/api/shares/{share_id}", "200") == 1
        assert requests("GET", "files", "404") == 1
        assert requests("POST", "files", "403") == 1
        assert name not in text


def test_metrics_are_not_served_with_the_page_nor_unasked() -> None:
    port = free_port()
    with service() as running:
        assert running.get("/metrics").status_code == 404
        with pytest.raises(httpx.ConnectError):
            scraped(port)


def test_a_port_for_scrapes_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "backend", "--port", "0", "--no-browser"],
            cwd=ROOT, env={"QDISC_METRICS_PORT": str(port)}, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "cannot start: cannot listen for scrapes on 127.0.0.1"
    )
    assert "Traceback" not in done.stderr


def test_the_log_tells_routes_and_ids_but_no_text_address_or_link(tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = {"log_format": "json", "log_requests": 1, "proxies": "127.0.0.1"}
    with service(log=log, **settings) as running:
        where = {"x-forwarded-for": "198.51.100.77"}
        name = posted(running, share(title=CANARY))
        answer = running.get(f"/s/{name}?{CANARY}", headers=where)
        running.post("/api/check", {"program": f"# {CANARY}"}, headers=where)
        with running.connect(additional_headers=where) as client:
            client.start(inputs(program=f"{FIFO}# {CANARY}"))
            client.to_end()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    page = next(line for line in lines if line.get("route") == "/s/{share_id}")
    assert page["request"] == answer.headers["x-request-id"]
    assert page["status"] in (200, 503)
    assert page["ms"] >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", page["time"])
    text = log.read_text()
    for secret in (CANARY, name, "198.51.100.77"):
        assert secret not in text


@pytest.mark.parametrize("formatter", (Plain(), Json()))
def test_a_traceback_shows_where_but_not_what_was_sent(formatter: logging.Formatter) -> None:
    token = REQUEST_ID.set("0123456789abcdef")
    try:
        try:
            int(CANARY)
        except ValueError as problem:
            try:
                raise KeyError(CANARY) from problem
            except KeyError:
                record = logging.LogRecord(
                    "x", logging.ERROR, __file__, 1, "it failed", (), sys.exc_info()
                )
        text = formatter.format(record)
    finally:
        REQUEST_ID.reset(token)
    assert "it failed" in text
    assert "0123456789abcdef" in text
    assert "ValueError" in text
    assert "KeyError" in text
    assert "test_watching.py" in text
    assert CANARY not in text


def test_whoever_is_refused_a_socket_cannot_fill_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with service(log=log, sockets_per_minute=1) as running:
        running.connect().socket.close()
        for origin in (None, "http://evil.example"):
            with pytest.raises(InvalidStatus):
                running.connect(origin=origin)
    assert log.read_text() == ""
