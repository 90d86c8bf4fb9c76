"""Every shipped scenario opens, runs and keeps its promises on the page."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.backend.service import ROOT
from tests.e2e.playground import CALM_MS, Playground, expect

FOLDER = ROOT / "scenarios"
SHIPPED = sorted(
    path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.toml")
)
TEXTS = {name: tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")) for name in SHIPPED}
REFUSED = {
    name: str(text["expect_error"]) for name, text in TEXTS.items() if "expect_error" in text
}
# A run that ends at a limit names the rule it broke.
SLUGS = {"limit-fuel": "fuel-call"}


def test_the_picker_offers_every_shipped_scenario(playground: Playground) -> None:
    picker = playground.page.get_by_label("Scenario", exact=True).and_(
        playground.page.locator("select")
    )
    offered = picker.locator("option").evaluate_all("all => all.map(it => it.value)")
    assert sorted(filter(None, offered)) == SHIPPED


def test_every_scenario_runs_and_keeps_its_promises(playground: Playground) -> None:
    page = playground
    digest = page.finished()
    page.page.get_by_role("tab", name="Statistics").click()
    panel = page.page.locator("#panel-statistics")
    for name in (each for each in SHIPPED if each not in REFUSED):
        page.choose(name)
        expect(page.page.locator(".summary")).to_have_text(TEXTS[name]["summary"], timeout=CALM_MS)
        if name != "latency/bufferbloat":
            assert page.new_run(digest) != digest, name
        promises = panel.locator("ul li")
        expect(promises).to_have_count(len(TEXTS[name].get("expect", [])), timeout=CALM_MS)
        for text in promises.all_inner_texts():
            assert text.startswith("holds"), f"{name}: {text}"
        assert page.overflow_px() == 0, name
        digest = page.digest()


@pytest.mark.parametrize("name", REFUSED)
def test_a_scenario_about_a_refusal_shows_the_refusal(playground: Playground, name: str) -> None:
    playground.finished()
    playground.choose(name)
    problems = playground.page.get_by_role("region", name="Problems")
    expect(problems).to_contain_text(re.compile(r"Problems \d"), timeout=CALM_MS)
    expect(problems).to_contain_text(SLUGS.get(REFUSED[name], REFUSED[name]))
    expect(playground.status).to_have_class(re.compile("bad"))
