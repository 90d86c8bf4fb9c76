"""Kept: the core's machine code, on disk beside the byte code of its sources, so that few processes have to make it.

It is trusted as byte code is: whoever may write here may change the sources. Where nobody may, or with
PYTHONDONTWRITEBYTECODE, nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from importlib.util import cache_from_source
from pathlib import Path

SANDBOX = Path(__file__).resolve().parents[2]
HASH_BYTES = hashlib.sha256().digest_size
_PACKAGES = ("core", "compiler")  # what decides the core's machine code


def place() -> Path:
    """Return the file of this version of Python."""
    return Path(cache_from_source(__file__)).with_name(f"core.{sys.implementation.cache_tag}.bin")


def read() -> bytes | None:
    """Return what was kept of exactly these sources, None when there is nothing or it is damaged."""
    try:
        kept = place().read_bytes()
    except OSError:
        return None
    key, seal, code = kept[:HASH_BYTES], kept[HASH_BYTES : 2 * HASH_BYTES], kept[2 * HASH_BYTES :]
    if key != _key() or seal != hashlib.sha256(code).digest():
        return None
    return code


def write(code: bytes | bytearray) -> None:
    """Keep the core's machine code in the place of what was there."""
    if sys.dont_write_bytecode:
        return
    with contextlib.suppress(OSError):
        at = place()
        at.parent.mkdir(exist_ok=True)
        fresh = at.with_suffix(f".{os.getpid()}")
        try:
            fresh.write_bytes(_key() + hashlib.sha256(code).digest() + code)
            os.replace(fresh, at)  # a reader has the old or the new
        except OSError:
            fresh.unlink(missing_ok=True)
            raise


def _key() -> bytes:
    """Return the hash of every source the core is made from or by."""
    total = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((SANDBOX / package).rglob("*.py")):
            total.update(f"{path.relative_to(SANDBOX)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.digest()
