"""The machine's clock jumps, and nothing that is limited in time notices."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.backend.service import ROOT, Service, eventually, inputs, service
from tests.backend.sharing import posted, share

# What is about days, or is told to people, may ask what time it is.
ASKS_THE_DATE = {
    "backend/batches/keeper.py",
    "backend/shares/keeper.py",
}
# A day forwards or backwards with each look at the clock.
JUMPING = (
    "import runpy, sys, time, random; real = time.time; "
    "time.time = lambda: real() + random.choice((-86400, 86400, 0)); "
    "sys.path.insert(0, '.'); sys.argv = ['backend', *sys.argv[3:]]; "
    "runpy.run_module('backend', run_name='__main__')"
)


def looks_at_the_date(file: Path) -> bool:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow"):
                return True
    return False


def test_budgets_never_look_at_the_date() -> None:
    files = [*(ROOT / "backend").rglob("*.py"), *(ROOT / "sandbox").rglob("*.py")]
    files = [file for file in files if not file.name.endswith(".qdisc.py")]
    assert len(files) > 100
    guilty = {str(file.relative_to(ROOT)) for file in files if looks_at_the_date(file)}
    assert guilty <= ASKS_THE_DATE


@pytest.fixture(scope="module")
def jumping() -> object:
    with service(prefix=("-c", JUMPING), runs_per_minute=4, run_wall_s=5, stall_s=1) as running:
        yield running


def test_runs_shares_and_buckets_do_not_notice(jumping: Service) -> None:
    with jumping.connect() as client:
        for number in range(3):
            client.start(inputs(), number + 1)
            assert client.to_end().finished["outcome"] == "ok"
        client.start(inputs("600s"), 9, credit=100)
        client.collect(lambda run: run.count >= 100)
        assert eventually(lambda: jumping.workers() == [])
        client.start(inputs(), 10)
        error = client.collect(lambda run: bool(run.of("error"))).of("error")[-1]
        assert error["error"]["slug"] == "too-many-runs"
    name = posted(jumping, share())
    for _ in range(5):
        assert jumping.get(f"/api/shares/{name}").status_code == 200
