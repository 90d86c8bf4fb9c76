"""The audit of the locked packages fails for what is loose, and for what is known."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from requirements import audit

HASH = "--hash=sha256:" + "0" * 64


def test_every_locked_package_is_pinned_to_a_version_and_a_content() -> None:
    problems: list[str] = []
    for lock in audit.LOCKS:
        assert len(audit.python_pins(lock.read_text(), problems)) >= 1
    assert len(audit.page_pins(json.loads(audit.PAGE_LOCK.read_text()), problems)) > 20
    assert problems == []


@pytest.mark.parametrize(
    ("text", "problem"),
    (
        (f"a>=1 {HASH}", "a>=1: not pinned to a version"),
        ("a==1", "a: no hash"),
        (f"a==1 \\\n    {HASH}", None),
        ("# nothing\n", None),
    ),
)
def test_a_loose_python_package_is_a_problem(text: str, problem: str | None) -> None:
    problems: list[str] = []
    audit.python_pins(text, problems)
    assert problems == ([] if problem is None else [problem])


@pytest.mark.parametrize(
    ("entry", "problem"),
    (
        ({}, "x: no hash"),
        ({"integrity": "sha1-0"}, "x: no hash"),
        ({"dev": True, "optional": True, "os": ["win32"]}, None),
        (
            {"integrity": "sha512-0", "resolved": "http://evil.example/x.tgz"},
            "x: not from npm's registry",
        ),
    ),
)
def test_a_loose_package_of_the_page_is_a_problem(
    entry: dict[str, object], problem: str | None
) -> None:
    problems: list[str] = []
    lock = {"packages": {"": {}, "node_modules/x": {"version": "1.0.0", **entry}}}
    assert audit.page_pins(lock, problems) == {audit.Pin("npm", "x", "1.0.0")}
    assert problems == ([] if problem is None else [problem])


@contextmanager
def advisories(against: str) -> Iterator[str]:
    """A database of advisories that holds one, about one package."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
            names = [query["package"]["name"] for query in asked]
            vulns = [{"id": "X-1", "modified": "2026-01-01T00:00:00Z"}]
            found = [{"vulns": vulns} if name == against else {} for name in names]
            body = json.dumps({"results": found}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ("fastapi", "svelte"))
def test_a_known_advisory_fails_with_package_and_id(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with advisories(name) as url:
        assert audit.main(["--advisories", url]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"{name} ")
    assert shown.endswith(": X-1\n")


def test_nothing_known_is_fine() -> None:
    with advisories("no-such-package") as url:
        assert audit.main(["--advisories", url]) == 0


def test_a_database_that_cannot_be_reached_is_told_in_a_line_and_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert audit.main(["--advisories", "http://127.0.0.1:9/"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "advisories" in line]
    assert line.startswith("advisories were not asked: http://127.0.0.1:9/ cannot be reached")
