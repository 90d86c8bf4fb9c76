"""Nothing of a user, and no secret of the operator, is where the next user's worker comes from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.backend.service import FIFO, eventually, inputs, service

OPERATOR = "canary-of-the-operator-51e27f3a"
USER = "canary-of-a-user-9c51e27f"


def memory_holds(pid: int, text: str) -> bool:
    """Whether the text is anywhere in what a process has in memory."""
    wanted = (text.encode(), text.encode("utf-16-le"))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            low, high = (int(word, 16) for word in place.split("-"))
            try:
                memory.seek(low)
                part = memory.read(high - low)
            except OSError:
                continue
            if any(word in part for word in wanted):
                return True
    return False


def test_a_users_text_is_never_in_the_zygote() -> None:
    with service() as running, running.connect() as client:
        # The scan itself is shown to find what is there.
        assert memory_holds(os.getpid(), USER)
        program = f"{FIFO}\n# {USER}\n"
        client.start(inputs(program=program))
        assert client.to_end().finished["outcome"] == "ok"
        running.post("/api/check", {"program": program})
        assert not memory_holds(running.zygote(), USER)


def test_the_operators_secrets_are_not_in_the_zygote_or_a_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_TOKEN", OPERATOR)
    with service() as running, running.connect() as client:
        assert OPERATOR in Path(f"/proc/{running.pid}/environ").read_text()
        client.start(inputs("600s"), credit=100)
        client.collect(lambda run: run.count >= 100)
        zygote, workers = running.zygote(), running.workers()
        assert len(workers) == 1
        for pid in (zygote, *workers):
            assert Path(f"/proc/{pid}/environ").read_bytes() == b""
            assert not memory_holds(pid, OPERATOR)
        client.say("stop", id=1)
        client.to_end()
        assert eventually(lambda: not running.workers())
