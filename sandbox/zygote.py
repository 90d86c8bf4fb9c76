"""The zygote: a warm process that forks one locked worker per task and holds no user's data.

The service starts it with an empty environment and one control socket (SOCK_SEQPACKET) as fd 0. A
request carries the worker's end of a socket pair; the answers are the worker's pid with a pidfd, and
later how it ended. The zygote has one thread, reads no user's text, and ends when its socket closes.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from sandbox import shelf, worker
from sandbox.lockdown import CONTROL_FD, Limits
from sandbox.machines.interface import Engine
from sandbox.protocol import Exit
from sandbox.selftest import self_test

REQUEST_BYTES_MAX = 4096


class Zygote:
    """Forks workers on request and tells how they ended."""

    def __init__(
        self, control: socket.socket, allow_unlocked: bool, engine: Engine = Engine.REFERENCE
    ) -> None:
        self._control = control
        self._allow_unlocked = allow_unlocked
        self._engine = engine
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._workers: dict[int, tuple[int, int]] = {}  # pidfd → pid, token

    def serve(self) -> None:
        """Answer requests and report ends until the service closes the socket."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._control.fileno():
                    if not self._answer():
                        return
                else:
                    self._reap(fd)

    def _answer(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, REQUEST_BYTES_MAX, 1)
        if not data:
            return False
        request = json.loads(data)
        token = int(request["token"])
        limits = Limits(
            cpu_ms=int(request["cpu_ms"]),
            memory_bytes=int(request["memory_bytes"]),
            reserved_bytes=self._engine.reserved_bytes,
        )
        parent_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.nice(int(request.get("nice", 0)))
            self._become_worker(fds[0], limits, parent_pid)
        os.close(fds[0])
        pidfd = os.pidfd_open(pid)
        self._workers[pidfd] = (pid, token)
        self._poll.register(pidfd, select.POLLIN)
        self._tell({"op": "forked", "token": token, "pid": pid}, [pidfd])
        return True

    def _become_worker(self, task_fd: int, limits: Limits, parent_pid: int) -> NoReturn:
        try:
            os.dup2(task_fd, CONTROL_FD)
        except OSError:
            os._exit(Exit.BROKEN)
        worker.main(limits, parent_pid, self._allow_unlocked, self._engine)

    def _reap(self, pidfd: int) -> None:
        pid, token = self._workers.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status, usage = os.wait4(pid, 0)
        cpu_ms = int((usage.ru_utime + usage.ru_stime) * 1000)
        self._tell({"op": "exited", "token": token, "status": status, "cpu_ms": cpu_ms}, [])

    def _tell(self, message: dict[str, Any], fds: list[int]) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], fds)
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)


def main(arguments: list[str]) -> int:
    """Warm up, prove the lock, say so, serve. Arguments: --allow-unlocked, --scenarios=PATH, --engine=NAME."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    allow_unlocked = "--allow-unlocked" in arguments
    prefix = "--scenarios="
    places = [item.removeprefix(prefix) for item in arguments if item.startswith(prefix)]
    control = socket.socket(fileno=CONTROL_FD)
    shelf.load(Path(places[0]) if places else shelf.SCENARIOS)
    engine = Engine.WASM if "--engine=wasm" in arguments else Engine.REFERENCE
    if engine is Engine.WASM:
        from sandbox.machines.wasm import warm  # wasmtime takes long to import

        warm()
    report = self_test()
    gc.collect()
    gc.freeze()
    ready = {
        "op": "ready",
        "ok": report.ok,
        "failures": report.failures,
        "absent": report.absent,
        "probes": len(report.results),
    }
    socket.send_fds(control, [json.dumps(ready).encode()], [])
    if not report.ok and not allow_unlocked:
        return 1
    Zygote(control, allow_unlocked, engine).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
