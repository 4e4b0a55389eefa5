"""No innocent is actionable: drawn trials with every look-alike, judged against what was planted."""

from __future__ import annotations

from typing import get_args

import polars as pl
import pytest

from benchmarks.accounts.judge import Verdict
from benchmarks.accounts.seeds import trials
from benchmarks.accounts.tables import precision, wrong
from simulation.parts import Kind
from simulation.trials import trial_plan

SEEDS = (21, 22, 23)
PROMPTS, DAYS = 4_000, 2

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    return trials(SEEDS, PROMPTS, DAYS, tmp_path_factory.mktemp("trials"))


def test_no_innocent_of_any_kind_is_actionable(told: Verdict) -> None:
    planted = {one.kind for seed in SEEDS for one in trial_plan(seed, PROMPTS, DAYS).innocents}
    assert planted == set(get_args(Kind))
    found = set(told.reports.filter(~pl.col("hit"))["kind"])
    assert {"benign:saas", "benign:team", "benign:harness", "benign:fleet", "organic"} <= found, (
        "some are families"
    )
    assert wrong(told.reports, "actionable").select("seed", "day", "kind", "size").rows() == []
    flagged = precision(told.reports, "review")
    assert flagged is not None
    assert flagged >= 0.9


def test_crude_campaigns_are_mostly_flagged(told: Verdict) -> None:
    crude = told.campaigns.filter(pl.col("profile") == "crude", pl.col("accounts") >= 10)
    assert crude.height >= 20
    assert crude["review"].mean() >= 0.8  # type: ignore[operator]
    assert crude["actionable"].mean() >= 0.5  # type: ignore[operator]


def test_who_copies_a_template_is_not_named(told: Verdict) -> None:
    passers = told.accounts.filter("passer")
    assert passers.height >= 10
    assert passers.filter("actionable").height == 0
    assert passers.filter("review").height <= 0.05 * passers.height


def test_named_accounts_work_for_an_operator(told: Verdict) -> None:
    named = told.accounts.filter("review")
    assert named["pool"].mean() >= 0.95  # type: ignore[operator]
    assert told.accounts.filter("owed")["review"].mean() >= 0.4  # type: ignore[operator]
