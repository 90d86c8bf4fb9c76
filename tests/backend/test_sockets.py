"""A browser that is slow, gone, foreign or talks nonsense harms nobody."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.backend.service import (
    ROOT,
    Client,
    Service,
    children,
    eventually,
    gone,
    inputs,
    resident_kib,
    service,
)

NONSENSE = (
    "",
    "not json",
    "[]",
    "null",
    "{}",
    '{"op": "start"}',
    '{"op": "fly", "id": 1}',
    '{"op": "start", "id": 1, "scenario": 5}',
    '{"op": "start", "id": -1, "scenario": ""}',
    '{"op": "start", "id": 1, "scenario": "", "programs": []}',
    '{"op": "start", "id": 1, "scenario": "", "files": {"a": "!"}}',
    '{"op": "start", "id": 1, "scenario": "", "stranger": 1}',
    '{"op": "start", "id": 1, "scenario": "", "seed": -4}',
    '{"op": "start", "id": 1, "scenario": "", "params": {"x": 1.5}}',
    '{"op": "start", "id": 1, "scenario": "\\ud800"}',
    '{"op": "start", "id": 1, "scenario": "", "events": [[]]}',
    '{"op": "credit", "id": 1, "rows": 0}',
    '{"op": "credit", "id": 1, "rows": 1e99}',
    '{"op": "stop", "id": 77}',
    "[" * 100_000,
)


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_is_answered_in_the_one_shape(client: Client, text: str) -> None:
    client.socket.send(text)
    answer = client.receive()
    assert isinstance(answer, dict)
    assert answer["op"] == "error"
    assert set(answer) == {"op", "id", "error"}
    assert set(answer["error"]) <= {"slug", "message", "hint"}
    assert answer["error"]["slug"]
    assert answer["error"]["message"][0].islower() or answer["error"]["message"][0] in '"0123456789'


def test_binary_is_refused_and_the_socket_goes_on(client: Client) -> None:
    client.socket.send(b"\0" * 100)
    answer = client.receive()
    assert isinstance(answer, dict)
    assert answer["error"]["slug"] == "bad-message"
    client.start(inputs())
    assert client.to_end().finished["outcome"] == "ok"


def test_too_many_errors_close_the_socket(client: Client) -> None:
    with pytest.raises(ConnectionClosed) as closed:
        for _ in range(100):
            client.socket.send("nonsense")
            client.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_a_long_control_message_is_refused(client: Client) -> None:
    client.start(inputs(), credit=1)
    client.say("event", id=1, event={"at": "1ms", "do": "x" * 10_000})
    run = client.collect(lambda seen: bool(seen.of("error")))
    assert run.of("error")[0]["error"]["slug"] == "too-large"


def test_a_text_beyond_the_cap_is_refused_with_both_sizes(client: Client) -> None:
    client.start({**inputs(), "scenario": "é" * 200_000})
    answer = client.receive()
    assert isinstance(answer, dict)
    assert answer["error"]["slug"] == "too-large"
    assert "400000 bytes, at most 262144" in answer["error"]["message"]


def test_a_message_beyond_the_socket_cap_closes_it(served: Service) -> None:
    with served.connect() as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.socket.send("x" * (13 << 20))
            client.receive()
        # The reason may be lost when the server closes while we still send.
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert served.health()["status"] == "ok"


def test_a_foreign_page_cannot_open_the_socket(served: Service) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:1", "https://" + "a" * 300):
        with pytest.raises(InvalidStatus) as refused:
            served.connect(origin=origin)
        assert refused.value.response.status_code == 403
        body = json.loads(refused.value.response.body or b"{}")
        assert body["error"]["slug"] == "foreign-origin"


def test_its_own_page_can(served: Service) -> None:
    with served.connect(origin=f"http://{served.host}") as client:
        client.start(inputs(), credit=1)
        assert client.receive()


def test_a_foreign_page_cannot_post(served: Service) -> None:
    answer = served.post("/api/check", {"program": "x"}, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    assert answer.json()["error"]["slug"] == "foreign-origin"


def test_another_host_name_is_not_answered(served: Service) -> None:
    answer = served.get("/api/health", headers={"host": "evil.example"})
    assert answer.status_code == 421
    assert answer.json()["error"]["slug"] == "unknown-host"


def test_a_browser_that_reads_nothing_grows_nothing_and_loses_its_worker() -> None:
    with service(send_timeout_s=1, run_cpu_ms=20_000) as served:
        with served.connect() as warm:
            warm.start(inputs())
            warm.to_end()
        before_kib = resident_kib(served.pid)
        host, port = served.host.split(":")
        with socket.create_connection((host, int(port))) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.sendall(_upgrade(served.host))
            assert b" 101 " in raw.recv(4096)
            raw.sendall(
                _masked(json.dumps({"op": "start", "id": 1, "credit": 10**9, **inputs("600s")}))
            )
            assert eventually(lambda: len(served.workers()) == 1)
            highest_kib = 0

            def freed() -> bool:
                nonlocal highest_kib
                highest_kib = max(highest_kib, resident_kib(served.pid))
                return not served.workers()

            assert eventually(freed, 15)
        assert highest_kib - before_kib < 24 * 1024
        with served.connect() as client:
            client.start(inputs())
            assert client.to_end().finished["outcome"] == "ok"


def _upgrade(host: str) -> bytes:
    return (
        f"GET /api/run HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def _masked(text: str) -> bytes:
    payload = text.encode()
    return bytes((0x81, 0xFE)) + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload


def test_too_many_sockets_of_one_client_are_told() -> None:
    with service(sockets_per_client=1) as served, served.connect(), served.connect() as second:
        answer = second.receive()
        assert isinstance(answer, dict)
        assert answer["error"]["slug"] == "too-many-sockets"


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
def test_the_end_of_the_service_ends_every_child(number: signal.Signals) -> None:
    with service() as served, served.connect() as client:
        client.start(inputs("60s"), credit=100)
        client.collect(lambda run: run.count >= 100)
        zygote = served.zygote()
        pids = [zygote, *children(zygote)]
        assert len(pids) == 2
        os.kill(served.pid, number)
        served.process.wait(timeout=10)
        assert eventually(lambda: all(gone(pid) for pid in pids))


@pytest.fixture
def crippled(tmp_path: object) -> Iterator[list[str]]:
    """A start of Python in a world where no system call filter can be loaded."""
    boot = (
        "import sys; sys.path.insert(0, '.'); "
        "from tests.backend.cripple import forbid_filters; forbid_filters(); "
        "sys.argv = ['backend', *sys.argv[1:]]; "
        "from backend.__main__ import main; sys.exit(main())"
    )
    yield [sys.executable, "-c", boot, "--port", "0", "--no-browser"]


def test_a_layer_that_is_off_keeps_the_service_from_serving(crippled: list[str]) -> None:
    done = subprocess.run(crippled, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "the sandbox is not locked" in done.stderr
    assert "--allow-unlocked" in done.stderr
    assert "Traceback" not in done.stderr
    process = subprocess.Popen(
        [*crippled, "--allow-unlocked"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Qdisc Playground")
        process.stdout.close()
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_leaving_before_the_service_hangs_up_is_no_mistake_of_ours(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with service(log=log, errors_per_socket=3) as served:
        for _ in range(5):
            with served.connect() as client:
                for _ in range(3):
                    client.socket.send("nonsense")
                while not client.nothing_comes(0.01):
                    pass
                client.socket.socket.close()
        assert eventually(lambda: served.health()["sockets"] == 0)
    assert "Exception" not in log.read_text()
