"""One interactive run: a worker while it computes, and enough to make another when it is needed.

A run is a pure function of its inputs, so that a worker may be given up at any time: the next one
computes the same rows again and sends from the first that the browser does not have.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any

from backend.runs.allowance import Allowance
from backend.runs.branches import Branches
from backend.runs.clock import Clock, Interrupt
from backend.runs.endings import ENDS, last_message
from backend.runs.outbox import Outbox
from backend.runs.turns import take_turns
from backend.settings import Settings
from backend.wire.messages import (
    Anew,
    Diagnostics,
    Finished,
    Log,
    Progress,
    Rewound,
    Started,
    WorkerError,
    WorkerMessage,
    plain,
)
from backend.workers.pool import Pool
from backend.workers.slots import Place, QueueFull
from backend.workers.worker import Ending, Frame, Worker
from backend.workers.zygote import Unavailable
from sandbox.protocol import EVENTS_MAX, ROWS_MAX, Job, Outcome, ProtocolError

LOG = logging.getLogger(__name__)
STOP_GRACE_S = 1.0
# A worker stops at the first slice that reaches the limit, which may go over it by so many.
ROWS_OVER = 65_536


class State(Enum):
    """Where a run is."""

    WAITING = "waiting for a place"
    COMPUTING = "has a worker"
    PARKED = "gave its worker up until there is credit"
    FINISHED = "has sent its last message"


class LiveRun:
    """A run and the task that drives it; the session calls the control methods."""

    def __init__(
        self,
        *,
        run_id: int | str,
        job: Job,
        from_row: int,
        credit: int,
        client: str,
        pool: Pool,
        outbox: Outbox,
        settings: Settings,
    ) -> None:
        self.run_id = run_id
        self.state = State.WAITING
        self._job = job
        self._run = secrets.token_hex(8)
        self._sent = from_row
        self._allowance = Allowance(job.trace, credit)
        self._announced = False
        self._asked_s = asyncio.get_running_loop().time()
        self._branches = Branches()
        self._client = client
        self._pool = pool
        self._outbox = outbox
        self._settings = settings
        self._worker: Worker | None = None
        self._interrupt: Interrupt | None = None
        self._clock = Clock(settings.run_wall_s, settings.stall_s, self._end_worker)
        self._grace: asyncio.TimerHandle | None = None
        self._wake = asyncio.Event()
        self._time_ns = 0

    # --- control ---------------------------------------------------------------------------------

    def add_credit(self, rows: int) -> None:
        """Let the run send that many rows more."""
        self._change(lambda: self._allowance.give(rows), {"op": "credit", "rows": rows})

    def pause(self) -> None:
        """Stop computing for now."""
        self._change(lambda: self._allowance.hold(True), {"op": "pause"})

    def resume(self) -> None:
        """Go on after a pause."""
        self._change(lambda: self._allowance.hold(False), {"op": "resume"})

    def step(self, rows: int) -> None:
        """Send so many rows more, then pause."""
        self._change(lambda: self._allowance.step(rows), {"op": "step", "rows": rows})

    def stop(self) -> None:
        """End the run; the worker has a moment to tell its results so far."""
        if self.state is State.FINISHED:
            return
        self._interrupt = Interrupt.STOPPED
        self._clock.stop()
        self._stop_worker()
        self._wake.set()

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.go_on()
            self._worker.tell({"op": "stop"})
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(STOP_GRACE_S, self._worker.kill)

    def add_event(self, event: dict[str, Any]) -> bool:
        """Compute again from the event's time; False when the run is stopped or has too many."""
        known = len(self._job.events) + len(self._branches.waiting)
        if self._interrupt is Interrupt.STOPPED or known >= EVENTS_MAX:
            return False
        self._branches.waiting.append(event)
        if len(self._branches.waiting) == 1:
            self._tell_event()
        self._wake.set()
        return True

    def _tell_event(self) -> None:
        """Have the worker go back to before the first event, if any, or another one begin anew."""
        event = self._branches.first
        if event is None:
            return
        if self._worker is not None and self._branches.ready:
            self._worker.tell({"op": "event", "event": event})
        else:
            self._end_worker(Interrupt.EVENT)

    def _change(self, apply: Callable[[], None], message: dict[str, Any]) -> None:
        """Change the state here and in the worker, and judge anew how long it may take."""
        waiting = self._clock.running
        self._clock.stop()
        apply()
        if self._worker is not None:
            self._worker.tell(message)
        if waiting:
            self._arm()
        if not self._allowance.idle:
            self._wake.set()

    # --- time ------------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._interrupt is None:
            self._clock.start(self._allowance.idle)

    def _end_worker(self, reason: Interrupt) -> None:
        self._interrupt = self._interrupt or reason
        if self._worker is not None:
            self._worker.kill()

    # --- the task --------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Compute, give the worker up, compute again, for as long as the browser wants it."""
        try:
            while True:
                self._wake.clear()
                await self._compute()
                while not self._wanted():
                    await self._wake.wait()
                    self._wake.clear()
        finally:
            self._clock.stop()

    def _wanted(self) -> bool:
        """Whether another worker is needed: for an event, or since there is credit again."""
        if self._branches.waiting:
            return True
        if self.state is State.FINISHED:
            return False
        return self._interrupt is Interrupt.STOPPED or not self._allowance.idle

    async def _compute(self) -> None:
        """Use one worker up."""
        if self._interrupt is Interrupt.STOPPED:
            await self._finish(*ENDS[Interrupt.STOPPED])
            return
        finished_before = self.state is State.FINISHED
        self.state = State.WAITING
        place = Place(self._pool.runs, self._client)
        try:
            await place.take(self._tell_busy)
        except QueueFull as full:
            await self._refuse("busy", str(full), f"try again in {full.wait_s} s")
            return
        try:
            await self._work(finished_before, place)
        except Unavailable as problem:
            LOG.error("no worker: %s", problem)
            await self._refuse("no-worker", "no sandbox can be started", None)
        finally:
            place.give()

    async def _tell_busy(self, position: int, seconds: float) -> None:
        await self._say({"op": "busy", "position": position, "seconds": round(seconds, 1)})

    async def _refuse(self, slug: str, message: str, hint: str | None) -> None:
        self._branches.waiting.clear()
        await self._outbox.error(self.run_id, slug, message, hint)
        await self._finish(Outcome.CANCELLED, message)

    async def _work(self, finished_before: bool, place: Place) -> None:
        settings = self._settings
        worker = await self._pool.worker(settings.run_cpu_ms, settings.run_memory_bytes)
        self._worker, self.state = worker, State.COMPUTING
        self._branches.new_worker()
        if self._interrupt is not Interrupt.STOPPED:
            self._interrupt = None
        self._clock.wind_up()
        turns = asyncio.create_task(take_turns(place, worker, self._clock, self._end_worker))
        problem = ""
        try:
            await worker.give(self._task(), settings.send_timeout_s)
            if self._interrupt is Interrupt.STOPPED:
                self._stop_worker()
            await self._pump(worker, finished_before)
        except ProtocolError as broken:
            LOG.warning("worker %d broke the protocol: %s", worker.pid, broken)
            problem = broken.message
        except (OSError, TimeoutError) as broken:
            LOG.warning("worker %d took no task: %s", worker.pid, type(broken).__name__)
            problem = "the worker does not take its task"
        finally:
            turns.cancel()
            self._clock.stop()
            if self._grace is not None:
                self._grace.cancel()
            self._worker = None
            if self.state is not State.FINISHED:
                worker.kill()
            end = await worker.close()
        if self.state is State.COMPUTING:
            await self._settle(end, problem)

    def _task(self) -> dict[str, Any]:
        job = self._job.to_json()
        event = self._branches.first
        if event is not None:
            job["events"] = [*job["events"], event]
        return {
            "op": "run",
            "job": job,
            "from_row": self._sent,
            "rewind": None if event is None else event.get("at"),
            **self._allowance.to_task(),
        }

    async def _settle(self, end: Ending, problem: str) -> None:
        """Decide what becomes of a run whose worker ended without a last message."""
        parked = (Interrupt.STALLED,) if problem else (Interrupt.STALLED, Interrupt.EVENT)
        if self._interrupt in parked:
            self.state = State.PARKED
        elif self._interrupt in ENDS:
            await self._finish(*ENDS[self._interrupt])
        else:
            outcome = Outcome.CRASHED if problem else end.outcome
            if outcome is Outcome.CRASHED:
                LOG.warning("a worker ended without a last word: %s", end.how)
            message = "the sandbox was stopped" if problem else end.message
            self._branches.waiting.clear()
            await self._finish(outcome, message)

    async def _pump(self, worker: Worker, finished_before: bool) -> None:
        """Pass on what the worker says until its last message or its end."""
        while True:
            self._arm()
            message = await worker.receive(self._sent)
            self._clock.stop()
            if message is None or self._interrupt in (Interrupt.EVENT, Interrupt.STALLED):
                return
            if isinstance(message, Frame):
                await self._pass_rows(message)
            elif await self._pass_message(message, worker, finished_before):
                return

    async def _pass_rows(self, frame: Frame) -> None:
        if not self._announced:
            raise ProtocolError("bad-frame", "a worker sends rows before it has started")
        self._allowance.spend(frame.count)
        self._sent += frame.count
        if self._sent > ROWS_MAX + ROWS_OVER:
            raise ProtocolError("bad-frame", "a worker sends more rows than a run has")
        self._pool.metrics.rows_sent(frame.count)
        self._time_ns = frame.time_ns
        await self._outbox.send_frame(frame.data)

    async def _pass_message(
        self, message: WorkerMessage, worker: Worker, finished_before: bool
    ) -> bool:
        """Handle one JSON message; True when it was the last."""
        if worker.json_bytes > self._settings.run_json_bytes:
            raise ProtocolError("too-large", "a worker talks too much")
        match message:
            case Diagnostics():
                return await self._diagnosed(message, finished_before)
            case Started():
                if not self._announced:
                    self._announced = True
                    waited_s = asyncio.get_running_loop().time() - self._asked_s
                    self._pool.metrics.run_started(waited_s)
                    await self._say({**plain(message), "run": self._run})
            case Rewound():
                self._rewind(message, worker)
                await self._say(plain(message))
                self._tell_event()
            case Anew() if self._branches.may_ask_anew:
                self._end_worker(Interrupt.EVENT)
            case Log() | Progress():
                await self._say(plain(message))
            case WorkerError() if self._branches.ready:
                self._branches.refused()
                await self._outbox.error(self.run_id, message.error.slug, message.error.message)
                self._tell_event()
            case WorkerError():
                return await self._rejected(
                    message.error.slug, message.error.message, finished_before
                )
            case Finished():
                self.state = State.FINISHED
                self._pool.metrics.run_ended(str(message.outcome))
                await self._say(plain(message))
                return True
            case _:
                raise ProtocolError("bad-message", "a running worker does not say this")
        return False

    async def _diagnosed(self, message: Diagnostics, finished_before: bool) -> bool:
        """Tell the checker's findings once; a refused event is told as an error and dropped."""
        waiting = self._branches.waiting
        if waiting and not message.ok:
            first = next((d for d in message.diagnostics if d.severity == "error"), None)
            text = first.message if first is not None else "the event is refused"
            return await self._rejected("bad-event", text, finished_before)
        if waiting:
            self._adopt(waiting.popleft())
            return False
        self._branches.ready = True  # there is nothing to go back to
        if not self._announced:
            await self._say(plain(message))
        return False

    def _adopt(self, event: dict[str, Any]) -> None:
        self._job = replace(self._job, events=(*self._job.events, event))

    async def _rejected(self, slug: str, message: str, finished_before: bool) -> bool:
        """Drop an event that cannot be; the run is as it was. Without one, the run is refused."""
        waiting = self._branches.waiting
        dropped = waiting.popleft() if waiting else None
        await self._outbox.error(self.run_id, slug, message)
        if dropped is None:
            await self._finish(Outcome.COMPILE_ERROR, message)
        else:
            self.state = State.FINISHED if finished_before else State.PARKED
        return True

    def _rewind(self, message: Rewound, worker: Worker) -> None:
        if message.row > self._sent:
            raise ProtocolError("bad-message", "a worker rewinds forwards")
        event = self._branches.rewound()
        if event is not None:
            self._adopt(event)
            self._clock.wind_up()
        worker.rewind()
        self._sent = message.row

    async def _finish(self, outcome: Outcome, reason: str) -> None:
        """Say the last message in the worker's place."""
        self.state = State.FINISHED
        self._pool.metrics.run_ended(str(outcome))
        await self._say(last_message(outcome, self._sent, self._time_ns, reason))

    async def _say(self, message: dict[str, Any]) -> None:
        await self._outbox.send({**message, "id": self.run_id})
