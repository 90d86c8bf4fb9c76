"""The core's machine code is made once, used again, and made anew when anything about it is not as it was."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path

import pytest
import wasmtime

from sandbox.compiler.wasm import host, kept

have_core = host.core.__wrapped__  # as a new process does
binary = functools.cache(host.core_binary)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    at = tmp_path / "cache" / "core.bin"
    monkeypatch.setattr(kept, "place", lambda: at)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return at


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what was compiled from here on; compiling it once is enough for all tests."""
    made: list[bytes] = []

    def compile_core() -> bytes:
        made.append(binary())
        return made[-1]

    monkeypatch.setattr(host, "core_binary", compile_core)
    return made


def test_a_process_uses_what_another_has_made(place: Path, compiled: list[bytes]) -> None:
    first = have_core()
    second = have_core()
    assert len(compiled) == 1
    assert first.serialize() == second.serialize()
    assert [path.name for path in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize("damage", ["empty", "cut", "key", "code", "foreign"])
def test_what_is_damaged_or_of_other_sources_is_made_anew(
    damage: str, place: Path, compiled: list[bytes]
) -> None:
    have_core()
    whole = place.read_bytes()
    place.write_bytes(
        {
            "empty": b"",
            "cut": whole[:-1],
            "key": bytes([whole[0] ^ 1]) + whole[1:],
            "code": whole[:-1] + bytes([whole[-1] ^ 1]),
            "foreign": sealed(whole[: kept.HASH_BYTES], b"code of another wasmtime"),
        }[damage]
    )
    assert isinstance(have_core(), wasmtime.Module)
    assert len(compiled) == 2
    assert place.read_bytes() == whole


def sealed(key: bytes, code: bytes) -> bytes:
    return key + hashlib.sha256(code).digest() + code


def test_a_changed_source_is_another_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SANDBOX", tmp_path)
    keys = set()
    for name, text in (("core/sim.py", "a"), ("core/sim.py", "b"), ("compiler/wasm/x.py", "b")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        keys.add(kept._key())
    assert len(keys) == 3


def test_where_nobody_may_write_it_is_made_each_time(
    tmp_path: Path, compiled: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(kept, "place", lambda: tmp_path / "file" / "core.bin")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    have_core()
    have_core()
    assert len(compiled) == 2


def test_who_wants_no_byte_code_written_gets_none(
    place: Path, compiled: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    have_core()
    assert len(compiled) == 1
    assert not place.exists()
