"""The judge on truths made by hand, the design, and the whole bench with methods that are none."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.quality import chart, page
from benchmarks.quality.baselines import PACKAGES, baselines
from benchmarks.quality.bench import CEILING, Outcome, run
from benchmarks.quality.design import CAMPAIGNS, LEVELS, SIZES, VOLUMES, accounts, plans
from benchmarks.quality.judge import NOISE, Verdict, judge, perfect_split
from benchmarks.quality.methods import large_enough
from benchmarks.quality.tables import DONE, b_cubed, ordinary_growth, tables
from benchmarks.results import Result
from campaigns.errors import InputError, UsageError
from simulation.plan import SimulationPlan
from simulation.templates import templates

Row = tuple[str, str | None, str | None]


def truth_of(*rows: tuple[int, Row]) -> pl.DataFrame:
    """(how often, (kind, campaign, family)) each."""
    flat = [row for count, row in rows for _ in range(count)]
    level = {"a": "e4", "b": "e4", None: None}
    return pl.DataFrame(
        [(f"acct-{n % 3}", kind, name, family, level[name]) for n, (kind, name, family) in enumerate(flat)],
        schema=dict.fromkeys(("account_id", "kind", "campaign", "family", "evasion"), pl.String),
        orient="row",
    )


def labels_of(*runs: tuple[int, int]) -> NDArray[np.int64]:
    """(how often, label) each."""
    return np.repeat(np.array([label for _, label in runs]), [count for count, _ in runs])


A0: Row = ("campaign", "a", "judge/0")
A1: Row = ("campaign", "a", "judge/1")
B0: Row = ("campaign", "b", "miner/0")
ORGANIC: Row = ("organic", None, None)
APP: Row = ("benign:app", None, None)


def recovered(verdict: Verdict) -> list[str]:
    return verdict.families.filter("recovered")["family"].to_list()


# -- the judge -----------------------------------------------------------------------------------------


def test_half_of_a_family_in_one_group_is_enough_and_less_is_not() -> None:
    truth = truth_of((10, A0), (10, B0))
    found = judge(truth, labels_of((5, 0), (5, NOISE), (4, 1), (6, NOISE)))
    assert recovered(found) == ["judge/0"]
    assert found.families["accounts"].to_list() == [3, 3]
    assert found.campaigns["covered"].to_list() == [0.5, 0.4]


def test_two_halves_too_small_cover_a_campaign_but_recover_no_family() -> None:
    found = judge(truth_of((10, A0)), labels_of((4, 0), (4, 1), (2, NOISE)))
    assert recovered(found) == []
    assert found.campaigns["covered"].to_list() == [0.8]


@pytest.mark.parametrize(("strangers", "pure"), [(2, True), (3, False)])
def test_a_group_is_pure_from_four_fifths_on(strangers: int, pure: bool) -> None:
    found = judge(truth_of((10, A0), (strangers, ORGANIC)), labels_of((8, 0), (2, NOISE), (strangers, 0)))
    assert (recovered(found) == ["judge/0"]) is pure
    assert found.campaigns["covered"].item() == (0.8 if pure else 0)
    assert found.campaigns["precision_sum"].item() == pytest.approx(64 / (8 + strangers))


def test_joined_wordings_are_as_good_as_wordings_apart() -> None:
    truth = truth_of((6, A0), (4, A1))
    joined, apart = judge(truth, labels_of((10, 0))), judge(truth, perfect_split(truth))
    assert recovered(joined) == recovered(apart) == ["judge/0", "judge/1"]
    assert b_cubed(joined.campaigns) == (1.0, 1.0, 1.0)
    assert b_cubed(apart.campaigns)[:2] == (1.0, 0.52)  # (6 * 6 + 4 * 4) / 100


def test_joined_campaigns_are_neither() -> None:
    found = judge(truth_of((6, A0), (6, B0)), labels_of((12, 0)))
    assert recovered(found) == []
    assert b_cubed(found.campaigns)[0] == 0.5


def test_groups_are_sorted_by_what_they_mostly_hold() -> None:
    truth = truth_of((6, A0), (5, APP), (9, ORGANIC))
    found = judge(truth, labels_of((4, 3), (2, 7), (2, 3), (3, 9), (5, 7), (4, 5)))
    assert found.groups == {"campaign": 1, "look-alike": 1, "ordinary": 2}


def test_nothing_found_is_no_error() -> None:
    found = judge(truth_of((5, A0), (5, ORGANIC)), np.full(10, NOISE))
    assert b_cubed(found.campaigns) == ("-", 0.0, 0.0)
    assert found.groups == {"campaign": 0, "look-alike": 0, "ordinary": 0}


def test_the_perfect_split_is_a_group_per_wording_of_a_campaign() -> None:
    truth = truth_of((2, A0), (1, ORGANIC), (1, A1), (1, APP), (1, ("campaign", "b", "judge/0")))
    assert perfect_split(truth).tolist() == [0, 0, NOISE, 1, NOISE, 2]


@given(
    st.lists(
        st.tuples(st.sampled_from([A0, A1, B0, ORGANIC, APP]), st.integers(-1, 4)), min_size=1, max_size=40
    )
)
def test_b_cubed_is_what_its_definition_says(prompts: list[tuple[Row, int]]) -> None:
    found = judge(truth_of(*((1, row) for row, _ in prompts)), np.array([label for _, label in prompts]))
    precision = dict.fromkeys(("a", "b"), 0.0)
    recall = dict.fromkeys(("a", "b"), 0.0)
    for (_, campaign, _), label in prompts:
        if campaign and label != NOISE:
            group = [row[1] for row, other in prompts if other == label]
            whole = sum(row[1] == campaign for row, _ in prompts)
            precision[campaign] += group.count(campaign) / len(group)
            recall[campaign] += group.count(campaign) / whole
    for campaign, p, r in found.campaigns.select("campaign", "precision_sum", "recall_sum").iter_rows():
        assert p == pytest.approx(precision[campaign])
        assert r == pytest.approx(recall[campaign])


def test_small_groups_and_those_of_one_account_are_dropped() -> None:
    labels = labels_of((5, 0), (5, 1), (4, 2), (2, NOISE))
    senders = ["x", "y", "x", "y", "x"] + ["x"] * 5 + ["x", "y", "x", "y"] + ["x", "y"]
    assert large_enough(labels, senders).tolist() == [0] * 5 + [NOISE] * 11


# -- the design ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def designed() -> list[SimulationPlan]:
    return list(plans())


def test_the_design_spans_sizes_accounts_and_prevalence(designed: list[SimulationPlan]) -> None:
    planted = [(plan, campaign) for plan in designed for campaign in plan.campaigns]
    sizes = {c.prompts_per_day for _, c in planted}
    assert (min(sizes), max(sizes)) == (8, 500)
    spread = {c.accounts for _, c in planted}
    assert (min(spread), max(spread)) == (5, 400)
    assert all(c.accounts <= c.prompts_per_day for _, c in planted)
    prevalence = [c.prompts_per_day / plan.prompts_per_day for plan, c in planted]
    assert (min(prevalence), max(prevalence)) == (0.0002, 0.03)
    assert [plan.prompts_per_day for plan in designed] == list(VOLUMES)


def test_every_level_meets_nearly_every_size_and_both_spreads(designed: list[SimulationPlan]) -> None:
    for level in LEVELS:
        mine = [c for plan in designed for c in plan.campaigns if c.evasion == level]
        sizes = {c.prompts_per_day for c in mine}
        assert len(sizes) >= len(SIZES) - 2, level
        few = sum(c.accounts == accounts(c.prompts_per_day, "few") for c in mine)
        assert 0.3 <= few / len(mine) <= 0.7, level


def test_a_day_uses_no_template_twice_and_all_days_use_every_template(designed: list[SimulationPlan]) -> None:
    for plan in designed:
        names = [campaign.template for campaign in plan.campaigns]
        assert len(set(names)) == len(names) in (CAMPAIGNS, CAMPAIGNS + 1)
    assert {c.template for plan in designed for c in plan.campaigns} == set(templates())


def test_most_of_a_day_is_not_planted(designed: list[SimulationPlan]) -> None:
    for plan in designed:
        assert plan.organic_on(0) > plan.prompts_per_day / 4


def test_the_design_is_the_same_again_and_grows_at_its_end(designed: list[SimulationPlan]) -> None:
    assert list(plans()) == designed
    assert list(plans(VOLUMES[:3])) == designed[:3]
    assert next(plans(seed=2)) != designed[0]


def test_every_level_is_explained() -> None:
    assert set(DONE) == set(LEVELS)


# -- the whole -----------------------------------------------------------------------------------------


class Constants:
    """Knows every template: a prompt is of the first whose longest constant it holds. Is charged a minute more."""

    name = "constants"
    reused_seconds = 60.0

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:
        known = [max(one.wordings[0].constants, key=len) for one in templates().values()]
        labels = [next((at for at, part in enumerate(known) if part in text), NOISE) for text in texts]
        return large_enough(np.array(labels), accounts)


class Nothing:
    """Never finds anything."""

    name = "nothing"
    reused_seconds = 0.0

    def group(self, texts: Sequence[str], accounts: Sequence[str]) -> NDArray[np.int64]:  # noqa: ARG002
        return np.full(len(texts), NOISE, np.int64)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return run(list(plans((2_500, 5_000))), (Constants(),), baselines=(Nothing(),), largest=2_500)


def test_a_small_bench_from_simulation_to_tables(outcome: Outcome) -> None:
    assert outcome.methods == ["constants", "nothing"]
    seen = outcome.runs.filter(pl.col("method") != CEILING).select("method", "volume").rows()
    assert seen == [("constants", 2_500), ("nothing", 2_500), ("constants", 5_000)]
    made = tables(outcome)
    methods = {row[0]: dict(zip(made["methods"].columns, row, strict=True)) for row in made["methods"].rows}
    assert methods[CEILING]["30+ found, %"] == methods[CEILING]["campaigns found, %"] == 100
    assert methods[CEILING]["precision"] == 1.0
    assert methods["nothing"]["30+ found, %"] == methods["nothing"]["F1"] == 0
    assert 0 < float(methods["constants"]["F1"]) < 1
    assert float(methods["constants"]["s per 10,000"]) >= 60 * 10_000 / 2_500
    for table in made.values():
        assert table.rows
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert made["levels"].rows[-1][2] == sum(int(row[2]) for row in made["levels"].rows[:-1])
    assert [row[0] for row in made["volumes"].rows] == ["2,500", "5,000"]
    assert [row[0] for row in made["all-levels"].rows] == [*LEVELS, "all"]
    assert made["floor"].columns == ("prompts", "day of 2,500", "day of 5,000")


@pytest.mark.parametrize(("level", "share"), [("e0", 1), ("e1", 1), ("e3", 1), ("e7", 1), ("e2", 0)])
def test_who_knows_the_templates_finds_them_unless_they_are_noisy(
    outcome: Outcome, level: str, share: int
) -> None:
    wanted = (pl.col("method") == "constants") & (pl.col("level") == level) & (pl.col("prompts") >= 30)
    families = outcome.families.filter(wanted)
    assert families.height
    assert families["recovered"].mean() == share


def test_growth_takes_an_empty_day_as_one_group() -> None:
    runs = pl.DataFrame({"volume": [100, 400, 1_600], "ordinary": [0, 2, 4]})
    assert ordinary_growth(runs) == pytest.approx(0.5)
    assert ordinary_growth(runs.head(1)) is None


def test_the_picture_is_the_same_again(outcome: Outcome, tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    chart.draw(outcome, first)
    chart.draw(outcome, second)
    data = first.read_bytes()
    assert data == second.read_bytes()
    assert min(struct.unpack(">II", data[16:24])) > 500
    assert len(data) < 300_000
    assert b"tEXt" not in data  # neither date nor version


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_labels_move_apart_and_keep_order_and_frame(places: list[float]) -> None:
    moved = chart.spread(places, 0.1)
    order = sorted(range(len(places)), key=lambda at: moved[at])
    assert all(moved[right] - moved[left] >= 0.1 - 1e-9 for left, right in pairwise(order))
    assert all(places[left] <= places[right] for left, right in pairwise(order))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in moved)


def test_labels_far_apart_stay_and_near_ones_keep_their_middle() -> None:
    assert chart.spread([0.2, 0.9, 0.5], 0.1) == [0.2, 0.9, 0.5]
    assert chart.spread([0.5, 0.5], 0.1) == pytest.approx([0.55, 0.45])


def test_the_page_has_a_place_for_every_table(outcome: Outcome, tmp_path: Path) -> None:
    copy = tmp_path / "quality.md"
    copy.write_bytes(page.PAGE.read_bytes())
    blocks = {name: page.markdown(table) for name, table in tables(outcome).items()} | {"made": "By hand."}
    page.write(copy, blocks)
    once = copy.read_text(encoding="utf-8")
    assert all(block in once for block in blocks.values())
    page.write(copy, blocks)
    assert copy.read_text(encoding="utf-8") == once


def test_a_block_replaces_what_stood_there() -> None:
    text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n"
    assert page.filled(text, "x", r"new \1") == "a\n<!-- begin x -->\n\nnew \\1\n\n<!-- end x -->\nb\n"
    with pytest.raises(InputError, match=r"(?s)no place for 'y'.*<!-- begin y -->"):
        page.filled(text, "y", "new")


def test_a_table_in_markdown() -> None:
    result = Result("Title", (), ("name", "n"), (("a|b", 12_345), ("c", 0.5)))
    assert page.markdown(result).splitlines() == [
        "**Title**", "", "| name | n |", "| --- | --: |", r"| a\|b | 12,345 |", "| c | 0.5 |",
    ]  # fmt: skip


def test_missing_baselines_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="make bench-quality") as error:
        baselines()
    assert all(name in error.value.what for name in PACKAGES)
