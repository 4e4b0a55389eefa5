"""The rule by which matchers are sought or refused: known answers, and what refuses and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from campaigns.collisions import CONFIDENCE, SURELY, Limits, Met, lower_bound, upper_bound, verdict
from campaigns.records import MatcherState
from campaigns.settings import Settings

LIMITS = Limits()
CLEAN = Met(prompts=12_000, matches=0, accounts=0, loose_matches=0, loose_accounts=0, own=500)


def state(met: Met, limits: Limits = LIMITS, *, loose: bool = False) -> MatcherState:
    return verdict(met, limits, loose=loose)[0]


def met(matches: int, accounts: int, prompts: int = 12_000, **more: int) -> Met:
    return replace(CLEAN, prompts=prompts, matches=matches, accounts=accounts, **more)


def test_the_limits_are_the_settings() -> None:
    assert Limits.of(Settings()) == LIMITS
    assert Limits.of_a_day(Settings().label).target == 1


def test_rule_of_three() -> None:
    assert upper_bound(0, 3_000) == pytest.approx(3 / 3_000, rel=0.01)
    assert upper_bound(0, 10) == pytest.approx(1 - 0.05**0.1)
    assert upper_bound(0, 0) == upper_bound(5, 5) == 1.0
    assert lower_bound(0, 10) == lower_bound(0, 0) == 0.0
    assert lower_bound(1, 10) == pytest.approx(1 - 0.99**0.1)


@settings(deadline=None)
@given(st.integers(1, 5_000), st.data())
def test_bounds_are_where_what_was_seen_becomes_unlikely(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of - 1))
    assert binom.cdf(count, of, upper_bound(count, of)) == pytest.approx(1 - CONFIDENCE, rel=1e-6)
    assert binom.sf(count, of, lower_bound(count + 1, of)) == pytest.approx(1 - SURELY, rel=1e-6)


def test_too_few_prompts_tell_nothing_and_more_days_do() -> None:
    assert state(replace(CLEAN, prompts=2_994)) is MatcherState.UNTESTED
    assert state(replace(CLEAN, prompts=2_995, days=3)) is MatcherState.USABLE


@pytest.mark.parametrize(
    ("accounts", "last_refused"), [(2, 14_855), (3, 43_605)], ids=["two accounts", "three accounts"]
)
def test_strangers_refuse_a_matcher_where_they_are_surely_above_the_target(
    accounts: int, last_refused: int
) -> None:
    assert state(met(accounts, accounts, last_refused)) is MatcherState.COLLIDES
    assert state(met(accounts, accounts, last_refused + 1)) is MatcherState.USABLE


def test_the_reason_says_prompts_accounts_days_and_the_target() -> None:
    _, reason = verdict(met(7, 4, 24_000, days=2), LIMITS)
    assert reason == (
        "7 of 24000 prompts outside families match on 2 days (4 accounts), "
        f"at least one in {1 / lower_bound(4, 24_000):,.0f} prompts; the target is one in 100,000"
    )
    assert lower_bound(4, 24_000) == pytest.approx(1 / 29_152, rel=1e-3)


def test_one_account_never_refuses_by_the_target_however_often_it_sends() -> None:
    assert state(met(1, 1, 2_995), replace(LIMITS, collisions=0.002)) is MatcherState.USABLE
    assert state(met(4, 1)) is MatcherState.USABLE
    assert state(met(4, 4)) is MatcherState.COLLIDES
    assert state(met(40, 1)) is MatcherState.COLLIDES  # the rate of its prompts alone is above the limit


def test_members_that_discovery_missed_are_no_strangers() -> None:
    assert state(met(0, 0, of_members=300)) is MatcherState.USABLE
    few = met(2, 1, prompts=60_000, own=4)
    assert state(few) is MatcherState.COLLIDES  # a third of all it matches
    assert state(replace(few, of_members=4)) is MatcherState.USABLE


def test_the_looser_form_is_judged_by_its_own_figures() -> None:
    loosely = replace(CLEAN, loose_matches=5, loose_accounts=5)
    assert state(loosely) is MatcherState.USABLE
    assert state(loosely, loose=True) is MatcherState.COLLIDES
    assert loosely.bound() == upper_bound(0, 12_000)
    assert loosely.bound(loose=True) == upper_bound(5, 12_000)


def test_a_target_of_everything_leaves_the_other_limits() -> None:
    assert state(met(4, 4), replace(LIMITS, target=1.0)) is MatcherState.USABLE
