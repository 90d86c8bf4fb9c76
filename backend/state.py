"""What the service keeps while it runs: the pool, what ships with the sandbox, who is connected."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

from backend.api.buckets import Allowances
from backend.batches.keeper import Batches
from backend.metrics import Metrics
from backend.settings import Settings
from backend.shares.keeper import Keeper
from backend.wire.messages import Helpers, Library, Scenarios
from backend.workers.pool import Pool

T = TypeVar("T")


class State:
    """Made at start-up; the routers find it in `app.state.service`."""

    def __init__(self, settings: Settings, pool: Pool, keeper: Keeper, batches: Batches) -> None:
        self.settings = settings
        self.pool = pool
        self.keeper = keeper
        self.batches = batches
        self.allowances = Allowances(settings)
        self.library = Library(programs=[])
        self.scenarios = Scenarios(scenarios=[])
        self.helpers = Helpers(
            helpers=[], maps=[], skb=[], ctx=[], entries=[], verdicts=[], constants=[]
        )
        self._sockets: Counter[str] = Counter()

    async def load(self) -> None:
        """Have workers describe what ships with the sandbox."""
        self.library = _expect(Library, await self.pool.ask({"op": "library"}, "start"))
        self.scenarios = _expect(Scenarios, await self.pool.ask({"op": "scenarios"}, "start"))
        self.helpers = _expect(Helpers, await self.pool.ask({"op": "helpers"}, "start"))

    @property
    def sockets(self) -> int:
        """How many browsers are connected."""
        return self._sockets.total()

    def watched_by(self, metrics: Metrics) -> None:
        """Have the gauges of what goes on now."""
        pool = self.pool
        metrics.watch("sockets", "browsers that are connected", lambda: self.sockets)
        metrics.watch("live_runs", "runs that compute", lambda: pool.runs.held)
        metrics.watch("waiting_runs", "runs in the queue", lambda: pool.runs.waiting)
        metrics.watch("checks", "checks at work", lambda: pool.checks.held)
        metrics.watch("waiting_checks", "checks in the queue", lambda: pool.checks.waiting)
        metrics.watch(
            "zygote_up", "1 while workers can be forked", lambda: pool.zygote_pid is not None
        )

    def enter(self, client: str) -> bool:
        """Count a connection; False when its client has too many."""
        if self._sockets[client] >= self.settings.sockets_per_client:
            return False
        self._sockets[client] += 1
        return True

    def leave(self, client: str) -> None:
        """Forget a connection."""
        self._sockets[client] -= 1
        if not self._sockets[client]:
            del self._sockets[client]


def _expect(kind: type[T], answer: Any) -> T:
    if not isinstance(answer, kind):
        raise RuntimeError(f"expected {kind.__name__} from a worker, got {type(answer).__name__}")
    return answer
