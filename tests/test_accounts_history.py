"""What earlier days say: accounts that come and go together, that were replaced, that met in another campaign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from accounts_cases import Family, compared, dealt, members_of, only_case, population
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import kstest

from accounts.case import Case
from accounts.history import FILES, History
from accounts.pooled import MOST_OF_ONE, SlotSample, sample, topics_over_days
from accounts.population import Population
from accounts.signals.graph import most_together, read_before
from accounts.signals.lifetimes import SIGNALS, read_lifetimes, sameness
from campaigns import files
from campaigns.records import ACCOUNTS, SLOT_WORDS, TIERS, text_key

PEOPLE = population(1_500, seed=8)
POOL = np.arange(40)


def history(
    active: NDArray[np.bool_], worked: dict[int, list[str]] | None = None, suspected: tuple[str, ...] = ()
) -> History:
    """`worked`: day to the accounts that worked for `c-1`."""
    rows = [(day, "c-1", account) for day, accounts in (worked or {}).items() for account in accounts]
    table = pl.DataFrame(
        rows, {"day": pl.Int32, "campaign_id": pl.String, "account_id": pl.String}, orient="row"
    )
    there = tuple(PEOPLE.ids.filter(pl.Series(active[:, day])) for day in range(active.shape[1]))
    return History(active.shape[1], table, pl.DataFrame(), active, there, frozenset(suspected))


def ordinary_days(seed: int, n_days: int = 5) -> NDArray[np.bool_]:
    """Each account is there on a day with a chance of its own."""
    rng = np.random.default_rng(seed)
    there: NDArray[np.bool_] = rng.random((len(PEOPLE), n_days)) < rng.uniform(0.2, 0.8, (len(PEOPLE), 1))
    return there


def a_case(rows: NDArray[np.int64] = POOL) -> Case:
    return only_case(members_of(PEOPLE, [dealt(rows, 2, np.random.default_rng(1))]))


def readings(before: History, rows: NDArray[np.int64] = POOL, campaign_id: str = "c-1") -> dict[str, float]:
    beside = compared(PEOPLE, rows, np.random.default_rng(2), n_draws=499)
    return {one.signal: one.p_value for one in read_lifetimes(a_case(rows), campaign_id, beside, before)}


def test_a_pool_opened_on_one_day_and_there_since_then_stands_out() -> None:
    active = ordinary_days(1)
    active[POOL] = np.array([False, False, True, True, True])
    assert readings(history(active))["active days"] <= 0.002


def test_days_of_accounts_drawn_at_random_are_uniform() -> None:
    before = history(ordinary_days(2))
    rng = np.random.default_rng(3)
    p_values = [
        readings(before, np.sort(rng.choice(len(PEOPLE), 30, replace=False)))["active days"]
        for _ in range(80)
    ]
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_accounts_that_did_not_come_back_and_new_ones_in_their_place_are_a_hand_over() -> None:
    active = ordinary_days(4)
    active[POOL] = False  # today's accounts were never seen
    active[100:140] = True
    gone = [f"gone-{i}" for i in range(40)]
    assert readings(history(active, {4: gone}))["hand-over"] <= 0.002


@pytest.mark.parametrize("half", ["only new", "only gone"])
def test_half_a_hand_over_is_none(half: str) -> None:
    active = ordinary_days(5)
    names = PEOPLE.ids.gather(POOL).to_list()
    if half == "only new":  # the old accounts came back, and new ones joined them
        active[POOL] = False
        before = history(active, {4: names})
    else:  # yesterday's accounts are gone, today's are old acquaintances
        active[POOL] = True
        before = history(active, {4: [f"gone-{i}" for i in range(40)]})
    assert readings(before)["hand-over"] > 0.1


def test_without_days_before_nothing_is_tested() -> None:
    before = history(np.zeros((len(PEOPLE), 0), np.bool_))
    assert all(np.isnan(p) for p in readings(before).values())
    assert set(readings(before)) == set(SIGNALS)
    active = ordinary_days(6)
    assert np.isnan(readings(history(active))["hand-over"])  # the campaign was not seen before


def test_sameness_is_the_share_of_pairs_with_one_pattern() -> None:
    patterns = np.array([1, 1, 1, 2, 2, 3])
    assert sameness(patterns, np.array([[0, 1, 2, 3], [3, 4, 5, 0]])).tolist() == [0.5, pytest.approx(1 / 6)]


def test_accounts_that_met_in_another_suspected_campaign_are_known() -> None:
    names = PEOPLE.ids.gather(POOL[:20]).to_list()
    before = history(ordinary_days(7), {3: names}, suspected=("c-1",))
    beside = compared(PEOPLE, POOL, np.random.default_rng(2), n_draws=499)
    assert read_before(before.worked_elsewhere("c-2", PEOPLE), beside).p_value <= 0.002
    own = read_before(before.worked_elsewhere("c-1", PEOPLE), beside)
    assert np.isnan(own.p_value)  # its own days are no second campaign
    unsuspected = history(ordinary_days(7), {3: names})
    assert np.isnan(read_before(unsuspected.worked_elsewhere("c-2", PEOPLE), beside).p_value)


def test_a_bridge_between_campaigns_says_nothing_about_the_others() -> None:
    before = history(ordinary_days(7), {3: PEOPLE.ids.gather(POOL[:3]).to_list()}, suspected=("c-1",))
    beside = compared(PEOPLE, POOL, np.random.default_rng(2), n_draws=499)
    assert read_before(before.worked_elsewhere("c-2", PEOPLE), beside).p_value == 1.0


def test_most_together_counts_one_campaign_at_a_time() -> None:
    worked = sparse.csr_matrix(np.array([[1, 0], [1, 1], [0, 1], [0, 1], [0, 0]], float))
    assert most_together(worked, np.array([[0, 1, 4], [1, 2, 3], [4, 4, 4]])).tolist() == [2.0, 3.0, 0.0]


def test_what_a_day_left_is_read_back(tmp_path: Path) -> None:
    people: Population = PEOPLE
    first, second = people.ids[0], people.ids[1]
    account = {
        "account_id": first,
        "campaign_id": "c-1",
        "n_prompts": 1,
        "share": 1.0,
        "strength": 1.0,
        "is_core": True,
        "reasons": [],
    }
    tier = {
        "campaign_id": "c-1",
        "tier": "review",
        "score": 0.5,
        "n_prompts": 1,
        "n_accounts": 1,
        "operator_id": None,
        "reasons": [],
    }
    slot = {
        "campaign_id": "c-1",
        "account_id": first,
        "text_key": text_key("x"),
        "stratum": 0,
        "words": [1, 2**63],
    }
    tables = {
        "accounts.parquet": ([account], ACCOUNTS),
        "active_accounts.parquet": (
            [{"account_id": first}, {"account_id": second}, {"account_id": "elsewhere"}],
            None,
        ),
        "slot_words.parquet": ([slot], SLOT_WORDS),
        "tiers.parquet": ([tier, tier | {"campaign_id": "c-2", "tier": "benign"}], TIERS),
    }
    assert set(tables) == set(FILES)
    for name, (rows, schema) in tables.items():
        files.write_parquet(tmp_path / name, pa.Table.from_pylist(rows, schema))
    found = History.read([tmp_path], people)
    assert found.n_days == 1
    assert np.flatnonzero(found.active[:, 0]).tolist() == [0, 1]
    assert found.worked_for("c-1").rows() == [(0, first)]
    assert found.suspected == {"c-1"}
    assert found.slots_of("c-1")["words"].to_list() == [[1, 2**63]]
    assert found.seen_on(0).to_list() == [first, second, "elsewhere"]
    nothing = History.read([], people)
    assert (nothing.n_days, nothing.worked.height, nothing.slots_of("c-1").height) == (0, 0, 0)


def test_one_prompt_a_day_tells_topics_after_days() -> None:
    """Thirty accounts, one prompt today and one on each of two days before, always of their own five words."""
    case = only_case(members_of(PEOPLE, [dealt(np.arange(30), 1, np.random.default_rng(1))]))
    ids = case.members.population.ids.gather(case.members.accounts[case.rows]).to_list()
    rng = np.random.default_rng(5)
    own = {name: rng.integers(1, 2**62, 5).astype(np.uint64) for name in ids}
    today = SlotSample(np.arange(len(case.rows)), [own[name] for name in ids])
    none = pl.DataFrame()
    assert topics_over_days(case, today, none, rng) == (None, 1)
    rows = [
        {"day": day, "account_id": name, "stratum": 0, "words": own[name].tolist()}
        for day in (0, 1)
        for name in ids
    ]
    before = pl.DataFrame(rows, schema_overrides={"words": pl.List(pl.UInt64)})
    topics, n_days = topics_over_days(case, today, before, rng)
    assert topics is not None
    assert (n_days, topics.n_accounts) == (3, 30)
    assert topics.superiority > 0.95
    assert topics.p_own <= 0.002


def test_a_busy_account_does_not_hide_the_others() -> None:
    """One account of 900 prompts and forty of two: all of the forty are compared, and a part of the busy one."""
    rng = np.random.default_rng(6)
    busy = Family(np.full(900, 99), [f"sort w{i} w{i + 1} w{i + 2} by worth" for i in range(900)])
    case = only_case(members_of(PEOPLE, [Family(*_together(busy, dealt(np.arange(40), 2, rng)))]))
    found = sample(case, case.members.words[case.members.texts[case.rows]])
    senders, counts = np.unique(case.members.accounts[case.rows[found.places]], return_counts=True)
    assert senders.tolist() == [*range(40), 99]
    assert counts.tolist() == [2] * 40 + [MOST_OF_ONE]


def _together(*families: Family) -> tuple[NDArray[np.int64], list[str]]:
    return np.concatenate([one.accounts for one in families]), [
        text for one in families for text in one.texts
    ]
