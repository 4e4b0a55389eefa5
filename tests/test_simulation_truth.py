"""The score against reports whose outcome is known."""

import polars as pl
import pyarrow as pa
import pytest

from campaigns.records import Tier
from simulation.plan import small_plan
from simulation.traffic import generate_with_truth
from simulation.truth import InnocentResult, SimulationScore, score

MEMBERS = pa.schema([("prompt_id", pa.string()), ("campaign_id", pa.string())])
CAMPAIGNS = pa.schema([("campaign_id", pa.string()), ("tier", pa.string())])


@pytest.fixture(scope="module")
def truth() -> pa.Table:
    plan = small_plan()
    return pa.Table.from_batches([truth for _, truth in generate_with_truth(plan, plan.dates[0])])


def ids(truth: pa.Table, **where: str) -> list[str]:
    rows = pl.DataFrame(truth)
    for column, value in where.items():
        rows = rows.filter(pl.col(column) == value)
    return rows["prompt_id"].to_list()


def scored(truth: pa.Table, reports: dict[str, tuple[Tier, list[str]]], **kwargs: int) -> SimulationScore:
    members = [
        {"prompt_id": p, "campaign_id": name} for name, (_, prompts) in reports.items() for p in prompts
    ]
    campaigns = [{"campaign_id": name, "tier": tier.value} for name, (tier, _) in reports.items()]
    return score(
        pa.Table.from_pylist(members, MEMBERS), pa.Table.from_pylist(campaigns, CAMPAIGNS), truth, **kwargs
    )


def by_campaign(result: SimulationScore, name: str) -> tuple[bool, float, str | None, str | None]:
    found = next(c for c in result.campaigns if c.campaign == name)
    return found.recovered, found.covered, found.campaign_id, found.tier


def test_a_perfect_report_recovers_everything_and_accuses_nobody(truth: pa.Table) -> None:
    names = ["ledger", "korrektur", "judges"]
    result = scored(truth, {f"c-{name}": (Tier.ACTIONABLE, ids(truth, campaign=name)) for name in names})
    assert result.recovered == 3
    assert result.recovered_share == 1.0
    assert by_campaign(result, "ledger") == (True, 1.0, "c-ledger", "actionable")
    assert result.accused() == ()


def test_an_empty_report_recovers_nothing(truth: pa.Table) -> None:
    result = scored(truth, {})
    assert (result.recovered, result.recovered_share, result.accused()) == (0, 0.0, ())
    assert by_campaign(result, "ledger") == (False, 0.0, None, None)


def test_half_of_a_campaign_is_the_bound(truth: pa.Table) -> None:
    ledger = ids(truth, campaign="ledger")
    assert by_campaign(scored(truth, {"x": (Tier.REVIEW, ledger[:30])}), "ledger") == (
        True,
        0.5,
        "x",
        "review",
    )
    assert by_campaign(scored(truth, {"x": (Tier.REVIEW, ledger[:29])}), "ledger")[0] is False


def test_four_fifths_of_a_report_is_the_bound(truth: pa.Table) -> None:
    ledger, organic = ids(truth, campaign="ledger"), ids(truth, kind="organic")
    assert by_campaign(scored(truth, {"x": (Tier.REVIEW, ledger[:40] + organic[:10])}), "ledger")[0] is True
    assert by_campaign(scored(truth, {"x": (Tier.REVIEW, ledger[:40] + organic[:11])}), "ledger")[0] is False


def test_a_split_campaign_is_covered_but_not_recovered(truth: pa.Table) -> None:
    ledger = ids(truth, campaign="ledger")
    thirds = {f"x{part}": (Tier.REVIEW, ledger[part::3]) for part in range(3)}
    recovered, covered, largest, _ = by_campaign(scored(truth, thirds), "ledger")
    assert (recovered, covered, largest) == (False, 1.0, "x0")


def test_small_campaigns_are_left_out(truth: pa.Table) -> None:
    assert {c.campaign for c in scored(truth, {}, min_prompts=50).campaigns} == {"ledger", "judges"}


def test_innocents_are_counted_by_kind_and_tier(truth: pa.Table) -> None:
    app, harness = ids(truth, kind="benign:app"), ids(truth, kind="benign:harness")
    result = scored(
        truth,
        {
            "a": (Tier.ACTIONABLE, app),
            "b": (Tier.BENIGN, harness[:20]),
            "c": (Tier.REVIEW, harness[20:] + app[:1]),
        },
    )
    table = {(r.kind, r.tier): (r.reports, r.prompts_inside, r.n_prompts) for r in result.innocents}
    assert table["benign:app", "actionable"] == (1, 40, 40)
    assert table["benign:app", "review"] == (0, 1, 40)
    assert table["benign:harness", "benign"] == (1, 20, 24)
    assert table["benign:harness", "review"] == (1, 4, 24)
    assert table["organic", "actionable"] == (0, 0, len(ids(truth, kind="organic")))
    assert result.accused() == (InnocentResult("benign:app", "actionable", 1, 40, 40),)
    assert [r.kind for r in result.accused(Tier.REVIEW)] == ["benign:harness"]
