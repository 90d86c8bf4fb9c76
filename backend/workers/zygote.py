"""The service's side of the zygote: starts it, asks it for workers, learns how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from backend.settings import ROOT, Settings

BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from sandbox.zygote import main; sys.exit(main(sys.argv[2:]))"
)
ANSWER_BYTES_MAX = 64 * 1024
ANSWER_TIMEOUT_S = 5.0


class Unavailable(Exception):
    """No worker can be had; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What the zygote's self-test found."""

    ok: bool
    failures: tuple[str, ...]
    absent: tuple[str, ...]
    probes: int


@dataclass(slots=True, kw_only=True)
class Child:
    """A forked worker: its pid, a handle that cannot be mixed up, our socket, how it will end."""

    pid: int
    pidfd: int
    control: socket.socket
    ended: asyncio.Future[int]  # the wait status

    def kill(self) -> None:
        """End the process; harmless when it has ended."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; harmless when the process has ended."""
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def age(self, niceness: int) -> None:
        """Have the kernel prefer other processes; harmless when it does so already, or this one has ended."""
        if self.pidfd >= 0 and not self.ended.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpriority(os.PRIO_PROCESS, self.pid) < niceness:
                    os.setpriority(os.PRIO_PROCESS, self.pid, niceness)

    def forget(self) -> None:
        """Give back the handle."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


@dataclass(slots=True, kw_only=True)
class _Request:
    control: socket.socket
    answer: asyncio.Future[Child]
    ended: asyncio.Future[int]


class Zygote:
    """One zygote process; `fork` gives workers until it ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._requests: dict[int, _Request] = {}
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._token = 0
        self._ready: asyncio.Future[Lock] = self._loop.create_future()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = [f"--scenarios={settings.scenarios_dir}", f"--engine={settings.engine}"]
        if settings.allow_unlocked:
            arguments.append("--allow-unlocked")
        with theirs:
            # An empty environment and a session of its own: there is nothing to leak, and a
            # Ctrl-C in the terminal reaches the service only.
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-I", "-c", BOOT, str(ROOT), *arguments],
                stdin=theirs.fileno(),
                env={},
                cwd="/",
                start_new_session=True,
            )
        self._control.setblocking(False)
        self._loop.add_reader(self._control, self._read)

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._control.fileno() >= 0

    async def ready(self) -> Lock:
        """Wait for the self-test's result. Raises Unavailable when the zygote cannot start."""
        await asyncio.wait([self._ready], timeout=self._settings.start_timeout_s)
        if not self._ready.done():
            raise Unavailable("the zygote did not start in time")
        return self._ready.result()

    async def fork(self, cpu_ms: int, memory_bytes: int, nice: int = 0) -> Child:
        """Return a new locked worker. Raises Unavailable when the zygote is gone."""
        if not self.alive:
            raise Unavailable("the zygote has ended")
        self._token += 1
        token = self._token
        ours, theirs = socket.socketpair()
        request = _Request(
            control=ours, answer=self._loop.create_future(), ended=self._loop.create_future()
        )
        self._requests[token] = request
        message = {
            "token": token, "cpu_ms": cpu_ms, "memory_bytes": memory_bytes, "nice": nice
        }  # fmt: skip
        try:
            with theirs:
                socket.send_fds(self._control, [json.dumps(message).encode()], [theirs.fileno()])
            await asyncio.wait([request.answer], timeout=ANSWER_TIMEOUT_S)
            if not request.answer.done():
                raise TimeoutError
            return request.answer.result()
        except (OSError, TimeoutError):
            self._requests.pop(token, None)
            ours.close()
            self._fail("the zygote does not answer")
            raise Unavailable("the zygote does not answer") from None
        except asyncio.CancelledError:
            request.answer.add_done_callback(_abandon)
            raise

    def close(self) -> None:
        """End the zygote and with it every worker."""
        self._fail("the service is closing")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
            return
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._control, ANSWER_BYTES_MAX, 1)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if not data:
            self._fail("the zygote has ended")
            self._process.poll()
            return
        message: dict[str, Any] = json.loads(data)
        match message["op"]:
            case "ready":
                self._ready.set_result(
                    Lock(
                        ok=message["ok"],
                        failures=tuple(message["failures"]),
                        absent=tuple(message["absent"]),
                        probes=message["probes"],
                    )
                )
            case "forked":
                self._forked(message["token"], message["pid"], fds[0])
            case "exited":
                ended = self._ended.pop(message["token"], None)
                if ended is not None and not ended.done():
                    ended.set_result(message["status"])

    def _forked(self, token: int, pid: int, pidfd: int) -> None:
        request = self._requests.pop(token, None)
        if request is None:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
            return
        self._ended[token] = request.ended
        child = Child(pid=pid, pidfd=pidfd, control=request.control, ended=request.ended)
        request.answer.set_result(child)

    def _fail(self, reason: str) -> None:
        """Let nobody wait for a zygote that is gone; the kernel kills its workers."""
        if not self.alive:
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        if not self._ready.done():
            self._ready.set_exception(Unavailable(reason))
        for request in self._requests.values():
            request.control.close()
            if not request.answer.done():
                request.answer.set_exception(Unavailable(reason))
        for ended in self._ended.values():
            if not ended.done():
                ended.set_result(signal.SIGKILL)
        self._requests.clear()
        self._ended.clear()


def _abandon(answer: asyncio.Future[Child]) -> None:
    """End a worker that nobody waits for any more."""
    if not answer.cancelled() and answer.exception() is None:
        child = answer.result()
        child.kill()
        child.control.close()
        child.forget()
