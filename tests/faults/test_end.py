"""An end in order: what is on its way is answered, runs are told to come back, and it does not take long."""

from __future__ import annotations

import os
import signal
import socket
import threading

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.backend.service import Run, Service, eventually, inputs, service

SERVICE_RESTART = 1012
DRAIN_S = 10


def test_a_run_is_told_to_come_back_and_goes_on_with_the_next_service() -> None:
    with service() as first, first.connect() as client:
        seen = Run()
        client.start(inputs(), credit=3000)
        client.collect(lambda run: run.count >= 3000, seen)
        os.kill(first.pid, signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            client.to_end(seen)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == SERVICE_RESTART
        first.process.wait(DRAIN_S)
    with service() as second, second.connect() as client:
        client.start(inputs(), from_row=seen.count)
        rest = client.to_end()
        client.start(inputs(), 2)
        whole = client.to_end()
    assert bytes(seen.rows + rest.rows) == bytes(whole.rows)
    assert rest.finished["digest"] == whole.finished["digest"]


def slow_check(running: Service) -> socket.socket:
    """Begin a check whose last byte is still to come."""
    host, port = running.host.split(":")
    body = b'{"program": "x"}'
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(
        f"POST /api/check HTTP/1.1\r\nHost: {running.host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body[:-1]
    )
    return connection


def test_a_request_that_is_on_its_way_is_answered() -> None:
    with service() as running:
        # The check computes when the service is told to end.
        with slow_check(running) as connection:
            assert running.health()["status"] == "ok"
            os.kill(running.pid, signal.SIGTERM)
            assert eventually(lambda: refuses(running))
            connection.sendall(b"}")
            answer = b""
            while part := connection.recv(4096):
                answer += part
        assert answer.startswith(b"HTTP/1.1 200 ")
        running.process.wait(DRAIN_S)
        assert running.process.returncode in (0, -signal.SIGTERM)


def refuses(running: Service) -> bool:
    host, port = running.host.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


def test_a_client_that_never_finishes_does_not_hold_up_the_end() -> None:
    with service() as running, slow_check(running), running.connect() as client:
        client.start(inputs("600s"), credit=10**9)
        client.collect(lambda run: run.count > 100)
        os.kill(running.pid, signal.SIGTERM)
        running.process.wait(DRAIN_S)
        client.socket.socket.close()  # it has not read what would tell it


def test_every_fault_at_once_leaves_a_service_that_works() -> None:
    """Workers and the zygote are killed again and again while eight clients run."""
    with service(live_runs=8, live_runs_per_client=8) as running:
        outcomes: list[str] = []
        done = threading.Event()

        def runs() -> None:
            with running.connect() as client:
                for number in range(8):
                    client.start(inputs("300ms"), number)
                    outcomes.append(str(client.to_end().finished["outcome"]))

        def kills() -> None:
            at = 0
            while not done.wait(0.1):
                at += 1
                try:
                    victims = running.workers() if at % 4 else [running.zygote()]
                except (OSError, ValueError):
                    continue
                for pid in victims[:1]:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        continue

        threads = [threading.Thread(target=runs) for _ in range(8)]
        killer = threading.Thread(target=kills)
        for thread in (*threads, killer):
            thread.start()
        for thread in threads:
            thread.join(100)
        done.set()
        killer.join(10)
        # Each run ended and said how; a killed one never counts as a good one.
        assert len(outcomes) == 64
        assert set(outcomes) <= {"ok", "crashed", "cancelled"}
        with running.connect() as client:
            client.start(inputs())
            assert client.to_end().finished["outcome"] == "ok"
        assert eventually(lambda: httpx.get(f"{running.url}api/health").json()["live_runs"] == 0)
        assert eventually(lambda: running.workers() == [])
