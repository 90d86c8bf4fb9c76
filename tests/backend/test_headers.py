"""What a browser, or another site's page, is told and refused, on every route."""

from __future__ import annotations

import socket
import time

import httpx
import pytest

from backend.app import create_app
from backend.settings import Settings
from tests.backend.service import Service, inputs, service

DOCUMENT = create_app(Settings()).openapi()
CHANGES = [
    (method.upper(), path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if method not in ("get", "head")
]
READS = sorted(path for path, methods in DOCUMENT["paths"].items() if "get" in methods)


def filled(path: str) -> str:
    return path.replace("{", "").replace("}", "").lstrip("/")


def test_there_are_routes_to_look_at() -> None:
    assert ("POST", "/api/check") in CHANGES
    assert ("POST", "/api/shares") in CHANGES


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("origin", ("http://evil.example", "null", "http://localhost:1"))
def test_nothing_changes_for_another_sites_page(
    served: Service, method: str, path: str, origin: str
) -> None:
    answer = httpx.request(
        method, served.url + filled(path), json={}, headers={"origin": origin}, timeout=20
    )
    assert answer.status_code == 403
    assert answer.json()["error"]["slug"] == "foreign-origin"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("kind", ("text/plain", "application/x-www-form-urlencoded", ""))
def test_a_form_that_needs_no_permission_of_the_browser_changes_nothing(
    served: Service, method: str, path: str, kind: str
) -> None:
    body = b'{"program": "x", "version": 1, "scenario": "x"}'
    headers = {"content-type": kind} if kind else {}
    answer = httpx.request(
        method, served.url + filled(path), content=body, headers=headers, timeout=20
    )
    # What takes no body finds nothing under that name instead.
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize("path", [*READS, "/", "/api/openapi.json", "/nothing", "/s/nothing"])
def test_every_answer_is_closed_to_other_sites(served: Service, path: str) -> None:
    headers = served.get(filled(path)).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert "camera=()" in headers["permissions-policy"]
    assert "set-cookie" not in headers
    assert "server" not in headers


@pytest.mark.parametrize(
    ("host", "length", "status"), (("evil.example", 2, 421), (None, 2 << 20, 413))
)
def test_refusals_have_the_headers_too(
    served: Service, host: str | None, length: int, status: int
) -> None:
    headers = {"host": host} if host else {}
    answer = httpx.post(
        served.url + "api/check", content=b"x" * length, headers=headers, timeout=20
    )
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def said(connection: socket.socket) -> bytes:
    answer = b""
    while part := connection.recv(65_536):
        answer += part
    return answer


def test_a_body_that_trickles_in_is_ended_while_others_are_served() -> None:
    with service(body_timeout_s=1) as running:
        host, port = running.host.split(":")
        head = (
            f"POST /api/check HTTP/1.1\r\nHost: {running.host}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        )
        slow = [socket.create_connection((host, int(port)), timeout=20) for _ in range(20)]
        for connection in slow:
            connection.sendall(head.encode() + b'{"program": "')
        assert running.post("/api/check", {"program": "x"}).status_code == 200
        with running.connect() as client:
            client.start(inputs())
            assert client.to_end().finished["outcome"] == "ok"
        for connection in slow:
            with connection:
                answer = said(connection)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"too-slow"' in answer


def test_a_body_that_grows_without_end_is_not_kept() -> None:
    with service(body_bytes=1 << 20) as running:
        host, port = running.host.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(
                f"POST /api/check HTTP/1.1\r\nHost: {running.host}\r\n"
                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            )
            sent = 0
            until_s = time.monotonic() + 20
            try:
                while sent < 64 << 20 and time.monotonic() < until_s:
                    connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                    sent += 65_536
            except OSError:
                pass
            assert sent < 32 << 20
        assert running.health()["status"] == "ok"
