"""A real Postgres from Debian's packages: on a Unix socket only, as an unprivileged user, thrown away.

Standard library only, since tests.everything asks it whether there is one.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_S = 30.0
# Fast ones may lose the latest commits when the server is killed; sure ones lose nothing.
SURE = ("shared_buffers=16MB",)
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


def programs() -> Path | None:
    """Return the folder of initdb and postgres, or None."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/local/pgsql/bin")]
    folders.sort(key=lambda folder: (len(str(folder)), str(folder)), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


@dataclass(frozen=True, slots=True)
class Server:
    bin_dir: Path
    folder: Path
    user: str
    process: subprocess.Popen[bytes]
    settings: tuple[str, ...] = FAST

    def url(self, database: str) -> str:
        return f"postgresql://{self.user}@/{database}?host={quote(str(self.folder), safe='')}"

    def run(self, program: str, *arguments: str, **options: object) -> bytes:
        """Run a client program against this server and return what it prints."""
        where = ("-h", str(self.folder), "-U", self.user)
        command = [str(self.bin_dir / program), *where, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout  # type: ignore[call-overload,no-any-return]


def unprivileged() -> str:
    """Return who the server runs as; it refuses to be root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def server(settings: tuple[str, ...] = FAST) -> Iterator[Server]:
    """Start a server with an empty cluster; it and its files are gone afterwards."""
    bin_dir = programs()
    assert bin_dir is not None
    user = unprivileged()
    owner = pwd.getpwnam(user)
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    process = None
    try:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"
        subprocess.run(
            [bin_dir / "initdb", "-D", data, "-U", user, "-A", "trust", "-E", "UTF8", "-N"],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **identity(user),
        )  # fmt: skip
        process = launch(bin_dir, folder, user, settings)
        started = Server(bin_dir, folder, user, process, settings)
        wait(started)
        yield started
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def crash_and_start(broken: Server) -> Server:
    """Kill a server with -9 and start another on its files, which a second one may not use at once."""
    broken.process.kill()
    broken.process.wait()
    deadline = time.monotonic() + START_S
    while True:
        who = (broken.bin_dir, broken.folder, broken.user)
        started = Server(*who, launch(*who, broken.settings), broken.settings)
        try:
            wait(started)
        except AssertionError:
            assert time.monotonic() < deadline, "Postgres does not start again"
            time.sleep(0.2)
            continue
        return started


def launch(
    bin_dir: Path, folder: Path, user: str, settings: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    """Start the server's program on a cluster that is there."""
    here = (*settings, "listen_addresses=", f"unix_socket_directories={folder}")
    words = [part for setting in here for part in ("-c", setting)]
    return subprocess.Popen(
        [bin_dir / "postgres", "-D", folder / "data", *words],
        stderr=subprocess.DEVNULL,
        cwd="/",
        **identity(user),
    )


def identity(user: str) -> dict[str, Any]:
    """Return how a process becomes that user, where that is possible."""
    owner = pwd.getpwnam(user)
    who: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    return who if os.geteuid() == 0 else {}


def wait(started: Server) -> None:
    """Return as soon as the server answers."""
    deadline = time.monotonic() + START_S
    probe = [str(started.bin_dir / "pg_isready"), "-q", "-h", str(started.folder)]
    while subprocess.run(probe).returncode != 0:
        assert started.process.poll() is None, "Postgres ended while starting"
        assert time.monotonic() < deadline, "Postgres does not answer"
        time.sleep(0.05)
