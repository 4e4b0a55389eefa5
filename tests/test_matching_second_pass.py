"""Which accounts a second pass looks at: known answers, and what holds of any traffic."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.second_pass import CHOSEN_ACCOUNTS, CONTROLS_PER_ACCOUNT, Budget, Choice, choose

SEED = 7
WIDE = Budget(1_000_000, 100)


def traffic(sizes: dict[str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"account_id": list(sizes), "n_prompts": list(sizes.values())},
        schema={"account_id": pl.String, "n_prompts": pl.Int64},
    )


def placed(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, {"campaign_id": pl.String, "account_id": pl.String}, orient="row")


def chosen(choice: Choice, why: str) -> set[str]:
    return set(choice.accounts.filter(why=why)["account_id"])


def crowd(n: int, prompts: int = 2) -> dict[str, int]:
    return {f"a{number:05d}": prompts for number in range(n)}


def test_members_matches_and_four_others_for_each() -> None:
    totals = traffic(crowd(1_000))
    members = placed([("c-1", f"a{number:05d}") for number in range(30)] + [("c-1", "absent")])
    matched = placed([("c-1", f"a{number:05d}") for number in range(20, 50)])
    choice = choose(totals, members, matched, SEED, WIDE)
    assert chosen(choice, "member") == {f"a{number:05d}" for number in range(30)}
    assert chosen(choice, "matched") == {f"a{number:05d}" for number in range(30, 50)}
    assert len(chosen(choice, "control")) == CONTROLS_PER_ACCOUNT * 50
    assert (choice.left_out, choice.absent, choice.accounts_seen) == (0, 1, 1_000)
    assert choice.counts()["control_prompts"] == 2 * CONTROLS_PER_ACCOUNT * 50
    assert choice.table().schema.equals(CHOSEN_ACCOUNTS)


def test_controls_are_the_same_accounts_whoever_else_is_there() -> None:
    nobody = placed([])
    fewer = choose(traffic(crowd(1_000)), nobody, nobody, SEED, Budget(1_000_000, 200))
    more = choose(traffic(crowd(5_000)), nobody, nobody, SEED, Budget(1_000_000, 1_000))
    drawn = chosen(fewer, "control")
    assert len(drawn) == 200
    # Of those that both days hold, the second day's lower bound takes nearly all that the first day's took.
    assert len(drawn & chosen(more, "control")) >= 150
    assert (
        choose(traffic(crowd(1_000)), nobody, nobody, SEED + 1, Budget(1_000_000, 200)).digest != fewer.digest
    )


def test_whole_accounts_are_left_out_of_each_campaign_alike() -> None:
    sizes = crowd(600, 10)
    members = placed(
        [("c-large", f"a{number:05d}") for number in range(400)]
        + [("c-small", f"a{number:05d}") for number in range(400, 440)]
    )
    choice = choose(traffic(sizes), members, placed([]), SEED, Budget(3_000, 100))
    kept = chosen(choice, "member")
    large, small = (len({f"a{number:05d}" for number in one} & kept) for one in (range(400), range(400, 440)))
    assert large + small == 200  # of 3,000 prompts 1,000 are kept for controls
    assert abs(large / 400 - small / 40) < 0.03
    assert choice.left_out == 240
    assert len(chosen(choice, "control")) == 100


def test_one_account_of_much_traffic_does_not_take_the_room_of_many() -> None:
    sizes = {**crowd(500, 10), "gateway": 900_000}
    members = placed([("c-1", "gateway"), *(("c-1", f"a{number:05d}") for number in range(200))])
    choice = choose(traffic(sizes), members, placed([]), SEED, Budget(10_000, 100))
    assert chosen(choice, "member") == {f"a{number:05d}" for number in range(200)}
    assert choice.left_out == 1
    assert "gateway" not in choice.accounts["account_id"]
    alone = choose(traffic(sizes), placed([]), placed([]), SEED, Budget(10_000, 600))
    assert "gateway" not in alone.accounts["account_id"]
    assert alone.accounts.height == 500


def test_traffic_that_fits_is_looked_at_whole() -> None:
    choice = choose(traffic(crowd(90)), placed([("c-1", "a00001")]), placed([]), SEED, WIDE)
    assert choice.accounts["account_id"].to_list() == sorted(crowd(90))
    nothing = choose(traffic({}), placed([("c-1", "a")]), placed([]), SEED, WIDE)
    assert (nothing.accounts.height, nothing.absent) == (0, 1)


accounts = st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 400), min_size=1, max_size=80)


@given(sizes=accounts, data=st.data(), most=st.integers(20, 4_000), controls=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_what_holds_of_any_choice(
    sizes: dict[str, int], data: st.DataObject, most: int, controls: int
) -> None:
    pairs = st.lists(st.tuples(st.sampled_from(["c-1", "c-2"]), st.sampled_from(sorted(sizes))), max_size=60)
    members, matched = data.draw(pairs), data.draw(pairs)
    budget = Budget(most, controls)
    choice = choose(traffic(sizes), placed(members), placed(matched), SEED, budget)
    backwards = dict(reversed(sizes.items()))
    again = choose(traffic(backwards), placed(members[::-1]), placed(matched[::-1]), SEED, budget)
    assert again.accounts.equals(choice.accounts)
    assert again.digest == choice.digest
    assert choice.accounts["n_prompts"].sum() <= most
    assert dict(choice.accounts.select("account_id", "n_prompts").iter_rows()).items() <= sizes.items()
    pool = {account for _, account in [*members, *matched]}
    assert chosen(choice, "control").isdisjoint(pool)
    assert chosen(choice, "member") <= {account for _, account in members}
    assert chosen(choice, "matched") <= pool - {account for _, account in members}
    assert choice.left_out == len(pool) - len(pool & set(choice.accounts["account_id"]))


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_every_seed_orders_accounts(seed: int) -> None:
    choice = choose(traffic(crowd(300)), placed([]), placed([]), seed, Budget(1_000_000, 100))
    assert choice.accounts.height == 100
