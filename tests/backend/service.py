"""Start the real service in a process of its own and talk to it."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from websockets.sync.client import ClientConnection, connect

from sandbox.protocol import FRAME, ROW, decode_frame

ROOT = Path(__file__).resolve().parents[2]
START_S = 30.0
ANSWER_S = 20.0


@dataclass
class Service:
    process: subprocess.Popen[str]
    url: str

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").rstrip("/")

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return httpx.get(self.url + path.lstrip("/"), timeout=ANSWER_S, **kwargs)

    def post(self, path: str, body: Any, **kwargs: Any) -> httpx.Response:
        return httpx.post(self.url + path.lstrip("/"), json=body, timeout=ANSWER_S, **kwargs)

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.get("/api/health").json()
        return answer

    def connect(self, **kwargs: Any) -> Client:
        socket = connect(
            f"ws://{self.host}/api/run", max_size=None, compression=None, legacy=True, **kwargs
        )
        return Client(socket)

    def zygote(self) -> int:
        (pid,) = children(self.pid)
        return pid

    def workers(self) -> list[int]:
        return children(self.zygote())


@dataclass
class Run:
    """What came of a run so far."""

    rows: bytearray = field(default_factory=bytearray)
    first: int | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)

    def of(self, op: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["op"] == op]

    @property
    def count(self) -> int:
        return len(self.rows) // ROW.size

    @property
    def finished(self) -> dict[str, Any]:
        (message,) = self.of("finished")
        return message


class Client:
    """One WebSocket and the rows it has received."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, op: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"op": op, **fields}))

    def start(self, inputs: dict[str, Any], run_id: int = 1, **fields: Any) -> None:
        self.say("start", id=run_id, **{"credit": 10**7, **inputs, **fields})

    def receive(self, timeout_s: float = ANSWER_S) -> dict[str, Any] | bytes:
        data = self.socket.recv(timeout=timeout_s)
        if isinstance(data, bytes):
            return data
        message: dict[str, Any] = json.loads(data)
        return message

    def collect(
        self, until: Callable[[Run], bool], run: Run | None = None, timeout_s: float = ANSWER_S
    ) -> Run:
        """Receive until it is enough; frames must follow each other without a gap."""
        run = run or Run()
        end_s = time.monotonic() + timeout_s
        while not until(run):
            message = self.receive(end_s - time.monotonic())
            if isinstance(message, dict):
                run.messages.append(message)
                if message["op"] == "rewound":
                    offset = (message["row"] - (run.first or 0)) * ROW.size
                    del run.rows[offset:]
                continue
            seq = FRAME.unpack_from(message)[4]
            if run.first is None:
                run.first = seq
            decode_frame(message, run.first + run.count, 0)
            run.rows += message[FRAME.size :]
        return run

    def to_end(self, run: Run | None = None, timeout_s: float = ANSWER_S) -> Run:
        return self.collect(lambda seen: bool(seen.of("finished")), run, timeout_s)

    def nothing_comes(self, within_s: float = 0.3) -> bool:
        """Whether no row and no end comes for a while; progress may."""
        end_s = time.monotonic() + within_s
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                message = self.receive(left_s)
            except TimeoutError:
                return True
            if isinstance(message, bytes) or message["op"] not in ("progress", "log"):
                return False
        return True


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def descriptors_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.02)
    return False


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


@contextmanager
def service(
    prefix: tuple[str, ...] = (), port: int = 0, log: Path | None = None, **settings: object
) -> Iterator[Service]:
    """Run the service with these settings until the block ends; nobody starts too many runs unless asked."""
    many = dict.fromkeys(("sockets_per_minute", "runs_per_minute", "checks_per_minute"), 10**6)
    settings = {**many, **settings}
    with (
        tempfile.TemporaryDirectory(prefix="playground-") as state_dir,
        (log or Path(os.devnull)).open("ab") as sink,
        _service(
            prefix, port, None if log is None else sink, {"state_dir": state_dir, **settings}
        ) as running,
    ):
        yield running


@contextmanager
def _service(
    prefix: tuple[str, ...], port: int, log: IO[bytes] | None, settings: dict[str, object]
) -> Iterator[Service]:
    environment = dict(os.environ)
    environment |= {f"QDISC_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, *prefix, "-m", "backend", "--port", str(port), "--no-browser"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Qdisc Playground: "), line
        yield Service(process=process, url=line.split()[2])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


FIFO = '''"""First come, first served."""

queue = SkbMap(max_entries=1000)


def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
'''

SCENARIO = """title = "One queue"
device = { rate = "10mbit" }
run = { duration = "DURATION", seed = 1 }
[qdisc]
"1:" = { parent = "root", program = "mine.qdisc.py" }
[flow]
a = { model = "poisson", rate = "8mbit", size = "1000b" }
b = { model = "cbr", rate = "4mbit", size = "500b" }
"""


def inputs(
    duration: str = "1s", program: str = FIFO, files: dict[str, bytes] | None = None
) -> dict[str, Any]:
    """A small scenario with one program of ours."""
    return {
        "scenario": SCENARIO.replace("DURATION", duration),
        "programs": {"mine.qdisc.py": program},
        "files": {
            name: base64.b64encode(content).decode() for name, content in (files or {}).items()
        },
    }
