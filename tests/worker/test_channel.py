"""The worker's end of its socket: its last word is heard, whoever speaks meanwhile."""

from __future__ import annotations

import os
import select
import socket

from sandbox.channel import Channel


def test_a_worker_that_has_spoken_waits_until_it_was_heard() -> None:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        channel = Channel(theirs)
        channel.send({"op": "finished"})
        channel.linger()
        os._exit(7)
    theirs.close()
    pidfd = os.pidfd_open(pid)
    try:
        # Credit that crosses the last word: a process that ended with it unread would reset the connection.
        for _ in range(100):
            ours.sendall(b"credit")
        assert select.select([pidfd], [], [], 0.2)[0] == []
        assert b"finished" in ours.recv(1000)
        ours.close()
        assert select.select([pidfd], [], [], 10)[0] == [pidfd]
    finally:
        os.close(pidfd)
        ours.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
