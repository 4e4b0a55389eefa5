"""The judge of account-side evidence on days made by hand, the masks, the tables, and a tiny run of everything."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from accounts.evidence import Evidence
from accounts.judging import DayCases
from accounts.signals.reading import Group
from benchmarks.accounts import __main__ as command
from benchmarks.accounts import chart, page, stress, tables
from benchmarks.accounts.ablation import ALL, MASKS, day_cases, dealt_for_granted, retold, without_topics
from benchmarks.accounts.days import Day, days
from benchmarks.accounts.judge import Found, Verdict, judge, together
from benchmarks.accounts.stress import AXES, OPERATORS, SITUATIONS, Axis, Situation
from campaigns.errors import UsageError
from simulation.trials import stress_plan
from simulation.truth import CAMPAIGN_TRUTH, PROMPT_TRUTH

Sent = tuple[str, str, str | None, str | None, str | None]
"""Account, kind, campaign, evasion, reported campaign."""


def day_of(
    *groups: tuple[int, Sent], tiers: dict[str, str], operators: dict[str, str] | None = None
) -> Verdict:
    """Judged: (how often, what was sent) each, and the tier of each report. A campaign `a-1` is operator `a`'s.

    Accounts are named by their first letter: upper case has strength 1, lower case 0.2.
    """
    flat = [sent for count, sent in groups for _ in range(count)]
    prompts = [
        {
            "prompt_id": f"p{number}",
            "account_id": account,
            "kind": kind,
            "campaign": campaign,
            "evasion": evasion,
            "language": "en",
            "day": "2026-01-05",
            "operator": account[0].lower() if kind in ("campaign", "cover") else None,
        }
        for number, (account, kind, campaign, evasion, _) in enumerate(flat)
    ]
    planted = {
        campaign: evasion
        for _, kind, campaign, evasion, _ in flat
        if kind == "campaign" and campaign is not None
    }
    campaigns = [
        {
            "campaign": name,
            "operator": name[0],
            "evasion": evasion,
            "life": "steady",
            "leaks": [],
            "cover": 0.0,
            "n_prompts": sum(sent[2] == name for sent in flat),
            "n_accounts": len({sent[0] for sent in flat if sent[2] == name}),
            "accounts": [],
            "day": "2026-01-05",
            "profile": ["aged"] if evasion == "e4" else [],
            "leaky": 1.0,
            "shares_with": [],
        }
        for name, evasion in sorted(planted.items())
    ]
    members = [(f"p{number}", sent[4]) for number, sent in enumerate(flat) if sent[4]]
    accounts = sorted({(sent[0], sent[4]) for sent in flat if sent[4]})
    found = Found(
        pl.DataFrame(members, schema=["prompt_id", "campaign_id"], orient="row"),
        pl.DataFrame(
            [(name, tier, (operators or {}).get(name)) for name, tier in tiers.items()],
            schema={"campaign_id": pl.String, "tier": pl.String, "operator_id": pl.String},
            orient="row",
        ),
        pl.DataFrame(
            [(account, name, 1.0 if account.isupper() else 0.2) for account, name in accounts],
            schema=["account_id", "campaign_id", "strength"],
            orient="row",
        ),
    )
    truth = pl.DataFrame(prompts, schema=pl.DataFrame(PROMPT_TRUTH.empty_table()).schema)
    return judge(
        truth, pl.DataFrame(campaigns, schema=pl.DataFrame(CAMPAIGN_TRUTH.empty_table()).schema), found
    )


def sent(account: str, campaign: str | None, reported: str | None, evasion: str = "e0") -> Sent:
    return (account, "campaign", campaign, evasion, reported)


def innocent(account: str, kind: str, reported: str | None) -> Sent:
    return (account, kind, None, None, reported)


def found_at(verdict: Verdict, tier: str) -> list[str]:
    return verdict.campaigns.filter(tier)["campaign"].to_list()


# -- the judge -----------------------------------------------------------------------------------------


def test_half_of_a_campaign_in_pure_reports_is_found_and_less_is_not() -> None:
    verdict = day_of(
        (5, sent("A", "a-1", "r1")), (5, sent("A", "a-1", None)),
        (4, sent("B", "b-1", "r2")), (6, sent("B", "b-1", None)),
        tiers={"r1": "review", "r2": "review"},
    )  # fmt: skip
    assert found_at(verdict, "review") == found_at(verdict, "grouped") == ["a-1"]
    assert found_at(verdict, "actionable") == []


def test_reports_of_one_operator_add_up_and_benign_ones_only_group() -> None:
    verdict = day_of(
        (3, sent("A", "a-1", "r1")), (3, sent("A", "a-1", "r2")), (4, sent("A", "a-1", None)),
        tiers={"r1": "actionable", "r2": "benign"},
    )  # fmt: skip
    assert found_at(verdict, "grouped") == ["a-1"]
    assert found_at(verdict, "review") == []


@pytest.mark.parametrize(
    ("strangers", "pure", "right"), [(2, True, True), (3, False, True), (8, False, False)]
)
def test_four_fifths_make_a_report_pure_and_more_than_half_right(
    strangers: int, pure: bool, right: bool
) -> None:
    verdict = day_of(
        (8, sent("A", "a-1", "r1")), (strangers, innocent("x", "organic", "r1")), tiers={"r1": "actionable"}
    )
    assert (found_at(verdict, "actionable") == ["a-1"]) is pure
    assert verdict.reports["hit"].to_list() == [right]


def test_a_report_of_two_operators_is_nobodys() -> None:
    verdict = day_of((5, sent("A", "a-1", "r1")), (5, sent("B", "b-1", "r1")), tiers={"r1": "actionable"})
    assert verdict.reports.select("kind", "hit").row(0) == ("campaign", False)
    assert found_at(verdict, "actionable") == []


def test_cover_is_not_what_a_campaign_is_found_by() -> None:
    verdict = day_of(
        (6, ("A", "cover", None, None, "r1")), (4, sent("A", "a-1", "r1")), tiers={"r1": "actionable"}
    )
    assert verdict.reports.select("kind", "hit").row(0) == ("cover", False)


def test_innocents_are_told_by_what_most_of_a_report_is() -> None:
    verdict = day_of(
        (6, innocent("x", "benign:saas", "r1")), (2, sent("A", "a-1", "r1")), (3, sent("A", "a-1", "r2")),
        tiers={"r1": "actionable", "r2": "review"},
    )  # fmt: skip
    assert tables.wrong(verdict.reports, "actionable")["kind"].to_list() == ["benign:saas"]
    assert tables.precision(verdict.reports, "review") == 0.5
    assert tables.precision(verdict.reports, "actionable") == 0.0


def test_accounts_are_named_by_strength_and_passers_by_are_told_apart() -> None:
    verdict = day_of(
        (4, sent("A", "a-1", "r1")), (1, sent("a", "a-1", "r1")),
        (1, innocent("P", "benign:passer-by", "r1")), (1, innocent("p", "benign:passer-by", "r1")),
        tiers={"r1": "review"},
    )  # fmt: skip
    rows = {row["account_id"]: row for row in verdict.accounts.iter_rows(named=True)}
    assert {name for name, row in rows.items() if row["review"]} == {"A", "P"}
    assert {name for name, row in rows.items() if row["passer"]} == {"P", "p"}
    assert not any(row["actionable"] for row in rows.values())
    assert [rows[name]["pool"] for name in ("A", "P")] == [True, False]
    assert verdict.reports["named"].item() == 0.5


def test_relayed_prompts_are_owed_by_nobody_and_count_in_no_recall() -> None:
    verdict = day_of((4, sent("A", "a-1", None, "e8")), (4, sent("B", "b-1", "r1")), tiers={"r1": "review"})
    assert tables.recall(verdict.campaigns, "review") == 1.0
    assert verdict.accounts.filter("owed")["account_id"].to_list() == ["B"]


def test_operators_are_linked_pair_by_pair() -> None:
    verdict = day_of(
        (4, sent("A", "a-1", "r1", "e4")), (4, sent("A", "a-1", "r2", "e4")), (4, sent("B", "b-1", "r3")),
        tiers={"r1": "review", "r2": "review", "r3": "review"},
        operators={"r1": "o1", "r2": "o1", "r3": "o1"},
    )  # fmt: skip
    assert sorted(verdict.pairs.rows()) == [(False, True), (False, True), (True, True)]
    apart = day_of(
        (4, sent("A", "a-1", "r1", "e0")), (4, sent("B", "b-1", "r2")), tiers={"r1": "review", "r2": "review"}
    )
    assert apart.pairs.height == 0


def test_profiles_and_sizes_have_their_rows() -> None:
    verdict = day_of(
        (5, sent("A", "a-1", "r1")), (5, sent("B", "b-1", None, "e4")), tiers={"r1": "actionable"}
    )
    made = tables.seed_tables(together([({"seed": 3, "day": 0}, verdict)]))
    assert made["profiles"].rows == (
        ("crude", 1, 100, 100, 100), ("adaptive", 1, 0, 0, 0), ("full", 0, "-", "-", "-"),
    )  # fmt: skip
    assert made["sizes"].rows[0] == ("up to 5", 2, 50, 50, 50)
    assert made["seeds"].rows == (
        ("3", 2, 0.5, 1.0, 0, 0.5, 1.0, 0, 0),
        ("all", 2, 0.5, 1.0, 0, 0.5, 1.0, 0, 0),
    )
    assert made["seeds"].value("innocents actionable") == 0
    assert len(made["innocents"].rows) == 13
    assert made["named"].rows == (("review", 1, 1.0, 0.5, 0, 0), ("actionable", 1, 1.0, 0.5, 0, 0))


# -- days, masks ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    plan = stress_plan(3, accounts=30, prevalence=0.05, leaks=4, pains=(), prompts_per_day=2_000)
    yield from days(plan, folder=tmp_path_factory.mktemp("days"))


@pytest.fixture(scope="module")
def cases(day: Day) -> DayCases:
    return day_cases(day)


@pytest.fixture(scope="module")
def evidence(cases: DayCases) -> list[Evidence]:
    return cases.evidence()


def test_a_crude_pool_is_found_and_everything_is_judged_as_the_run_did(
    day: Day, cases: DayCases, evidence: list[Evidence]
) -> None:
    found = Found.read(day.run)
    assert judge(day.prompts, day.campaigns, found).campaigns["review"].to_list() == [True]
    again = retold(day, cases, evidence, MASKS[ALL])
    assert again.reports.equals(found.reports)
    assert again.accounts.equals(found.accounts)


def test_a_mask_leaves_out_its_group_and_nothing_else(evidence: list[Evidence]) -> None:
    groups = {"evenness": Group.EVENNESS, "other traffic": Group.VOLUME, "timing": Group.TIMING,
              "registration": Group.REGISTRATION, "infrastructure": Group.INFRASTRUCTURE,
              "shared accounts (graph)": Group.GRAPH}  # fmt: skip
    for name, left_out in groups.items():
        for one in evidence:
            masked = MASKS[name](one)
            assert np.isnan(masked.p_values(left_out)).all()
            for group in set(Group) - {left_out}:
                np.testing.assert_array_equal(masked.p_values(group), one.p_values(group))


def test_content_masks(evidence: list[Evidence]) -> None:
    for one in evidence:
        assert without_topics(one).topics is None
        assert MASKS["bare prompts"](one) == replace(one, slots=replace(one.slots, bare=0.0))


def test_without_any_fact_about_accounts_nothing_is_actionable(
    day: Day, cases: DayCases, evidence: list[Evidence]
) -> None:
    def nothing(one: Evidence) -> Evidence:
        for mask in (
            mask for name, mask in MASKS.items() if name != ALL and not name.startswith("slot topics")
        ):
            one = mask(one)
        return dealt_for_granted(one)

    assert "actionable" not in retold(day, cases, evidence, nothing).reports["tier"].to_list()
    assert "actionable" not in retold(day, cases, evidence, without_topics).reports["tier"].to_list()


def test_days_know_the_days_before(tmp_path: Path) -> None:
    plan = stress_plan(5, accounts=20, prevalence=0.06, leaks=4, pains=(), prompts_per_day=1_500, days=2)
    seen = [
        (day.number, len(day.before), Found.read(day.run).reports["campaign_id"])
        for day in days(plan, folder=tmp_path)
    ]
    assert [(number, before) for number, before, _ in seen] == [(0, 0), (1, 1)]
    assert set(seen[0][2]) & set(seen[1][2]), "a campaign keeps its id"
    assert list(tmp_path.iterdir()) == []


def test_columns_can_be_left_out(tmp_path: Path) -> None:
    plan = stress_plan(3, accounts=20, prevalence=0.06, leaks=4, pains=(), prompts_per_day=1_500)
    for day in days(plan, ("organization_id",), tmp_path):
        assert pl.DataFrame(day.run.prompts(["organization_id"]))["organization_id"].null_count() == 1_500
        assert "actionable" not in Found.read(day.run).reports["tier"].to_list()


# -- stress --------------------------------------------------------------------------------------------


def test_every_point_and_situation_is_a_valid_plan() -> None:
    for axis in AXES:
        for value in axis.values:
            for operator in OPERATORS:
                planned = stress.plan(axis.name, value, operator, 1, 8_000)
                assert planned.organic_on(0) > 4_000
    for one in SITUATIONS:
        stress_plan(1, **{"pains": (), **one.given}, prompts_per_day=8_000, days=one.n_days)


def test_one_thing_changes_at_a_time() -> None:
    def pool(axis: str, value: float) -> tuple[int, int, float, int]:
        (one,) = stress.plan(axis, value, "crude", 1, 8_000).campaigns
        return one.accounts, one.prompts_per_day, one.cover, len(one.leaks)

    assert pool("cover traffic", 0.9) == (24, 72, 0.9, 3)
    assert pool("accounts of the pool", 400) == (400, 1_200, 0.3, 3)
    assert pool("part of the day's prompts", 0.01) == (24, 80, 0.3, 3)
    assert pool("leaks", 4) == (24, 72, 0.3, 4)


def test_the_picture_is_the_same_again_and_small(tmp_path: Path) -> None:
    rows = [
        {"axis": axis.name, "value": value, "operator": operator, "review": number % 2 == 0, "actionable": False,
         "named_review": 0.4}
        for axis in AXES for value in axis.values for operator in OPERATORS for number in range(2)
    ]  # fmt: skip
    curves = pl.DataFrame(rows)
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    chart.draw(curves, first)
    chart.draw(curves, second)
    data = first.read_bytes()
    assert data == second.read_bytes()
    assert min(struct.unpack(">II", data[16:24])) > 500
    assert len(data) < 150_000
    assert b"tEXt" not in data


# -- the page, the command -----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_runs_every_experiment_and_fills_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "limits.md"
    copy.write_bytes(page.PAGE.read_bytes())
    monkeypatch.setattr(page, "PAGE", copy)
    monkeypatch.setattr(page, "CHART", tmp_path / "limits.png")
    tiny = Axis("leaks", (4,))
    monkeypatch.setattr(stress, "AXES", (tiny,))
    for module in (chart, tables):
        monkeypatch.setattr(module, "AXES", (tiny,))
    monkeypatch.setattr(command, "curves", lambda seeds, prompts: stress.curves(seeds, prompts, (tiny,)))
    cases = (Situation("relayed", {"accounts": 20, "prevalence": 0.03, "evasion": "e8"}),)
    monkeypatch.setattr(
        command, "situations", lambda seeds, prompts: stress.situations(seeds, prompts, cases)
    )
    arguments = [
        "all",
        "--seeds",
        "1",
        "--first",
        "4",
        "--prompts",
        "2500",
        "--days",
        "1",
        "--json",
        "--docs",
    ]
    monkeypatch.setattr(sys, "argv", ["accounts", *arguments])
    command.main()
    told = json.loads(capsys.readouterr().out)
    assert {"seeds", "innocents", "ablation", "curves", "situations"} <= set(told["tables"])
    assert told["tables"]["situations"]["table"][0]["at review or above"] == 0
    text = copy.read_text(encoding="utf-8")
    assert "seeds 4 to 4, 2,500 prompts a day" in text
    assert (tmp_path / "limits.png").exists()


def test_an_unknown_experiment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["accounts", "nothing"])
    with pytest.raises(SystemExit) as error:
        command.main()
    assert error.value.code == 2


def test_an_error_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["accounts", "seeds", "--seeds", "1", "--prompts", "100"])
    with pytest.raises(SystemExit) as error:
        command.main()
    assert error.value.code == UsageError("").exit_code
    assert "error: day 1 plants" in capsys.readouterr().err
