"""Known matchers night after night: what the days say together, and the step that asks them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from console import data, keep_apart, shoal
from match_examples import matcher, published
from matching_cases import row, write_parquet
from run_examples import GRADES, LEDGER, write_tables
from store_examples import TUESDAY, WEDNESDAY, a_run, publish_now

from campaigns import files
from campaigns.collisions import Met
from campaigns.entries import KnownMatcher
from campaigns.records import MATCHERS, PROMPTS, MatcherState, text_key
from campaigns.results import met
from campaigns.runs import open_run
from campaigns.settings import load
from campaigns.store import Store
from flows import steps
from flows.resources import RunRef

CLEAN = Met(prompts=12_000, matches=0, accounts=0, loose_matches=0, loose_accounts=0, own=300)
STRANGERS = Met(prompts=12_000, matches=5, accounts=5, loose_matches=5, loose_accounts=5, own=300)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    keep_apart(tmp_path, monkeypatch)
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def store_of(home: Path, states: tuple[MatcherState, ...] = (MatcherState.USABLE,) * 2) -> Store:
    """The example campaigns as they were found on Monday."""
    published(home, states)
    return Store.open(load().settings)


def a_night(store: Store, day: date, found: dict[str, Met], attempt: int = 1) -> None:
    publish_now(store, a_run(day, attempt), [], met={(name, 0): one for name, one in found.items()})


def known(store: Store, name: str = GRADES, before: date | None = None) -> KnownMatcher:
    return next(entry for entry in store.known_matchers(before) if entry.campaign_id == name)


def test_a_matcher_that_meets_strangers_later_is_refused_from_then(home: Path) -> None:
    with store_of(home) as store:
        a_night(store, TUESDAY, {GRADES: CLEAN, LEDGER: CLEAN})
        assert known(store).state is MatcherState.USABLE
        a_night(store, WEDNESDAY, {GRADES: STRANGERS, LEDGER: CLEAN})
        refused = known(store)
        assert refused.state is MatcherState.COLLIDES
        assert refused.reason.startswith(
            "5 of 24000 prompts outside families match on 2 days (5 accounts), at"
        )
        assert not refused.anywhere
        assert known(store, before=WEDNESDAY).state is MatcherState.USABLE
        ledger = known(store, LEDGER)
        assert (ledger.state, ledger.days, ledger.organic_prompts) == (MatcherState.USABLE, 2, 24_000)
    traffic = [row(0, "Grade this essay: a lamp"), row(1, "Balance the ledger of July")]
    told = data("match", "--input", str(write_parquet(home.parent / "traffic.parquet", traffic)), "--benign")
    assert [campaign["campaign_id"] for campaign in told["campaigns"]] == [LEDGER]
    listed = shoal("match", "--list", COLUMNS="400").stdout
    assert "5 of 24,000 prompts (5 accounts) on 2 days, at most 0.00044" in listed
    assert "matches others: 5 of 24000" in listed
    assert (
        "matches others as of now, wording 0: strangers met, 5 of 24,000"
        in shoal("show", GRADES, COLUMNS="400").stdout
    )
    assert [known["days"] for known in data("show", GRADES)["sought"]] == [2]
    state = data("status")["matchers"]
    assert (state["states"]["usable"], state["states"]["matches others"], state["days"]) == (1, 1, 0)
    assert "1 matcher live, 0 of them shown to meet the target; refused: 1 matches others" in (
        shoal("status", COLUMNS="400").stdout
    )
    assert "0 of 24,000 prompts on 2 days, at most 0.00012" in listed
    assert "not yet shown" in listed


def test_an_untested_matcher_becomes_live_when_enough_was_read(home: Path) -> None:
    few = {GRADES: Met(prompts=1_500, matches=0, accounts=0, loose_matches=0, loose_accounts=0, own=30)}
    with store_of(home, (MatcherState.UNTESTED, MatcherState.TOO_SHORT)) as store:
        assert known(store).state is MatcherState.UNTESTED
        a_night(store, TUESDAY, few)
        assert known(store).state is MatcherState.UNTESTED
        a_night(store, WEDNESDAY, few | {LEDGER: CLEAN})
        assert known(store).state is MatcherState.USABLE
        assert known(store).anywhere
        assert known(store, LEDGER).state is MatcherState.TOO_SHORT


def test_a_rate_is_shown_once_enough_days_say_so(home: Path) -> None:
    with store_of(home) as store:
        a_night(store, TUESDAY, {GRADES: replace(CLEAN, prompts=299_571)})
        assert not known(store).shown
        a_night(store, WEDNESDAY, {GRADES: replace(CLEAN, prompts=1)})
        assert known(store).shown


def test_a_day_done_again_has_its_new_figures_alone(home: Path) -> None:
    with store_of(home) as store:
        a_night(store, TUESDAY, {GRADES: CLEAN})
        a_night(store, WEDNESDAY, {GRADES: STRANGERS})
        assert known(store).state is MatcherState.COLLIDES
        a_night(store, WEDNESDAY, {GRADES: CLEAN}, attempt=2)
        assert (known(store).state, known(store).organic_prompts) == (MatcherState.USABLE, 24_000)
        a_night(store, WEDNESDAY, {}, attempt=3)
        assert (known(store).days, known(store).organic_prompts) == (1, 12_000)
        a_night(store, TUESDAY, {}, attempt=2)
        assert known(store).organic_prompts == 9_000  # as the day that found it left it


def test_the_limits_are_those_of_the_settings_at_hand(home: Path) -> None:
    with store_of(home) as store:
        a_night(store, TUESDAY, {GRADES: STRANGERS})
    assert data("--set", "match.collision_target=0.001", "match", "--list")[0]["state"] == "usable"
    assert data("match", "--list")[0]["state"] == "matches others"


def test_members_are_told_apart(home: Path) -> None:
    with store_of(home) as store:
        a_night(store, TUESDAY, {GRADES: replace(CLEAN, of_members=40)})
        assert (known(store).state, known(store).of_members) == (MatcherState.USABLE, 40)
    assert "0 of 12,000 prompts on 1 day, at most 0.00025; 40 more of its members" in (
        shoal("match", "--list", COLUMNS="400").stdout
    )


def a_later_run(home: Path) -> tuple[RunRef, Path]:
    """Tuesday up to the step: the same families under the same ids, and three prompts more."""
    run = open_run(home, TUESDAY, "f1")
    write_tables(run)
    more = [
        ("acct-2", "Grade this essay: my own, by one who is named"),
        ("acct-8", "Grade this essay: my own, by nobody they know"),
        ("acct-9", "Where is the harbour?"),
    ]
    rows = [
        dict.fromkeys(PROMPTS.names)
        | row(number, prompt, account_id=account, prompt_id=f"q{number}", text_key=text_key(prompt))
        for number, (account, prompt) in enumerate(more)
    ]
    files.write_parquet(
        run.path / "prompts/part-0002.parquet",
        pl.DataFrame(rows, infer_schema_length=None).to_arrow().cast(PROMPTS),
    )
    measured: list[dict[str, Any]] = [matcher(family, MatcherState.USABLE) for family in (0, 1)]
    files.write_parquet(run.path / "matchers.parquet", pl.DataFrame(measured).to_arrow().cast(MATCHERS))
    for stage in ("cluster", "label", "identify", "link"):
        run.stage(stage, dict, [])
    return RunRef.of(run, "", "", {"home": str(home)}), run.path


def test_the_step_tries_what_the_store_knows_and_asks_it_again(home: Path) -> None:
    with store_of(home) as store:
        ref, folder = a_later_run(home)
        steps.collide.fn(ref)
        found = met(ref.run())
        assert found[GRADES, 0] == Met(
            prompts=3, matches=1, accounts=1, loose_matches=1, loose_accounts=1, own=3, of_members=1
        )
        assert found[LEDGER, 0].matches == 0
        written = (folder / "stages/collide.json").read_bytes()
        steps.collide.fn(ref)
        assert (folder / "stages/collide.json").read_bytes() == written
        a_night(store, date(2026, 1, 4), {GRADES: STRANGERS})  # a backfill: it is not sought any longer
        steps.collide.fn(ref)
        [record] = [record for record in ref.run().records() if record.name == "collide"]
        assert (record.counts["wordings"], record.counts["live"], record.counts["met"]) == (2, 1, 0)
