"""Operators: what ties campaigns together, softly or firmly, and what only bridges them."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from accounts_cases import Family, dealt, leaking, members_of, population
from numpy.typing import NDArray

from accounts.case import Case, cases
from accounts.history import History
from accounts.meetings import overlaps, without_others
from accounts.operators import Operators, find_operators
from accounts.population import Population
from campaigns.records import BRIDGES, OPERATORS

TODAY = date(2026, 1, 7)
PEOPLE = population(2_000, seed=3)
NOBODY = pl.DataFrame(schema={"day": pl.Int32, "campaign_id": pl.String, "account_id": pl.String})


def history(worked: pl.DataFrame = NOBODY, people: Population = PEOPLE) -> History:
    return History(0, worked, pl.DataFrame(), np.zeros((len(people), 0), np.bool_), (), frozenset())


def found(
    pools: list[NDArray[np.int64]],
    *,
    suspected: list[bool] | None = None,
    worked: pl.DataFrame = NOBODY,
    first_days: dict[str, date] | None = None,
    people: Population = PEOPLE,
) -> Operators:
    """Each pool sends a campaign of its own, `c-0`, `c-1`, ..."""
    rng = np.random.default_rng(5)
    families: list[Family] = [dealt(rows, 2, rng, f"task {i} about {{}}") for i, rows in enumerate(pools)]
    members = members_of(people, families)
    found_cases: list[Case] = cases(members, np.arange(members.n_families))
    ids = [f"c-{i}" for i in range(len(pools))]
    return find_operators(
        ids,
        found_cases,
        overlaps(found_cases),
        suspected or [True] * len(pools),
        history(worked, people),
        first_days or {},
        TODAY,
    )


def test_campaigns_of_one_pool_are_one_operators() -> None:
    pool = np.arange(40)
    operators = found([pool, pool[:30], np.arange(500, 540)])
    assert dict(operators.of_campaign) == {"c-0": "o-0", "c-1": "o-0"}
    assert operators.members["membership"].to_list() == [1.0, 1.0]
    assert "30 accounts work for c-0 and c-1" in operators.members["reasons"][0][0]
    assert operators.members.to_arrow().cast(OPERATORS).num_rows == 2
    assert operators.bridges.height == 0


def test_an_operator_is_named_after_its_oldest_campaign() -> None:
    pool = np.arange(40)
    operators = found([pool, pool], first_days={"c-1": date(2026, 1, 3)})
    assert set(operators.of_campaign.values()) == {"o-1"}


def test_a_bridge_is_shown_and_merges_nothing() -> None:
    left, right = np.arange(40), np.arange(39, 79)  # account 39 works for both
    operators = found([left, right])
    assert not operators.of_campaign
    (row,) = operators.bridges.to_dicts()
    assert (row["campaign_id"], row["other_id"], row["n_shared"], row["account_ids"]) == (
        "c-0",
        "c-1",
        1,
        ["a00039"],
    )
    assert operators.bridges.to_arrow().cast(BRIDGES).num_rows == 1


def test_a_rented_part_makes_a_soft_member_of_both_and_does_not_merge_them() -> None:
    """Pool 1 rents a sixth of its accounts from pool 0 and a sixth from pool 2; each of those has two campaigns."""
    first, third = np.arange(0, 60), np.arange(200, 260)
    second = np.concatenate([np.arange(100, 140), first[:10], third[:10]])
    people = leaking(PEOPLE, np.arange(300), n_prompts=1)
    operators = found([first, first, second, third, third], people=people)
    table = operators.members
    assert set(table.filter(pl.col("campaign_id") == "c-2")["operator_id"]) == {"o-0", "o-3"}
    soft = table.filter(pl.col("campaign_id") == "c-2")["membership"].to_list()
    assert soft == pytest.approx([1 / 6, 1 / 6], abs=1e-6)
    assert operators.of_campaign["c-0"] == operators.of_campaign["c-1"] == "o-0"
    assert operators.of_campaign["c-3"] == operators.of_campaign["c-4"] == "o-3"


def test_a_fragment_belongs_to_the_larger_campaign_it_shares_a_fifth_with() -> None:
    people = leaking(PEOPLE, np.arange(300), n_prompts=1)
    operators = found([np.arange(60), np.arange(56, 76)], people=people)
    assert dict(operators.of_campaign) == {"c-0": "o-0", "c-1": "o-0"}
    assert operators.members["membership"].to_list() == [1.0, 0.2]


def test_a_family_is_judged_without_the_accounts_of_a_pool_that_hides_in_it() -> None:
    """Twelve of forty users of a phrase belong to a pool of thirty; two campaigns of one pool leave nobody out."""
    rng = np.random.default_rng(5)
    pool, users = np.arange(30), np.arange(18, 58)
    families = [dealt(rows, 2, rng, f"task {i} about {{}}") for i, rows in enumerate((pool, users, pool))]
    members = members_of(PEOPLE, families)
    found_cases = cases(members, np.arange(3))
    shared = overlaps(found_cases)
    rest = without_others(found_cases, shared, [True, True, False])
    assert {place: len(case.accounts) for place, case in rest.items()} == {0: 18, 1: 28}
    assert rest[1].accounts.tolist() == list(range(30, 58))
    assert without_others(found_cases, shared, [True, False, True]) == {}
    few = cases(members_of(PEOPLE, [families[0], dealt(np.arange(29, 34), 2, rng)]), np.arange(2))
    assert set(without_others(few, overlaps(few), [True, True])) == {0}  # of the other four would be left
    assert without_others(found_cases, shared, [False, True, False]) == {}


def test_cards_that_pay_for_accounts_of_both_tie_campaigns_without_a_shared_account() -> None:
    left, right = np.arange(40), np.arange(40, 80)
    people = leaking(PEOPLE, np.concatenate([left[:20], right[:20]]), accounts_per_card=40)
    assert dict(found([left, right], people=people).of_campaign) == {"c-0": "o-0", "c-1": "o-0"}


def test_rare_address_ranges_that_hold_most_of_both_tie_campaigns_without_a_shared_account() -> None:
    left, right = np.arange(40), np.arange(40, 80)
    mixed = np.stack([left, right], axis=1).ravel()  # so that each range holds accounts of both
    people = leaking(PEOPLE, mixed, accounts_per_range=8)
    operators = found([left, right], people=people)
    assert dict(operators.of_campaign) == {"c-0": "o-0", "c-1": "o-0"}
    said = operators.members["reasons"][0][0]
    assert "40 of 40 accounts of c-0 and 40 of 40 of c-1 are in the same address ranges" in said


def test_address_ranges_that_hold_a_part_or_everybody_tie_nobody() -> None:
    """Fifteen of forty rent from one vendor; all are in a range that a third of ordinary accounts are in."""
    left, right = np.arange(40), np.arange(40, 80)
    part = leaking(PEOPLE, np.concatenate([left[:15], right[:15]]), accounts_per_range=30)
    assert not found([left, right], people=part).of_campaign
    crowd = np.arange(700)
    everybody = leaking(PEOPLE, crowd, accounts_per_range=len(crowd))
    assert not found([left[:6], right[:6]], people=everybody).of_campaign


def test_accounts_that_move_from_one_campaign_to_another_tie_them() -> None:
    left, right = np.arange(40), np.arange(40, 80)
    moved = pl.DataFrame(
        {"day": [0] * 20, "campaign_id": ["c-0"] * 20, "account_id": [f"a{i:05}" for i in range(40, 60)]},
        schema_overrides={"day": pl.Int32},
    )
    operators = found([left, right], worked=moved)
    assert dict(operators.of_campaign) == {"c-0": "o-0", "c-1": "o-0"}
    assert "worked for c-0 on the days before" in operators.members["reasons"][0][0]


def test_benign_campaigns_have_no_operator() -> None:
    pool = np.arange(40)
    operators = found([pool, pool, pool], suspected=[True, False, False])
    assert not operators.of_campaign
    assert operators.members.height == operators.bridges.height == 0


def test_nothing_found_nothing_linked() -> None:
    none = find_operators([], [], [], [], history(), {}, TODAY)
    assert none.members.height == 0
