"""The judge of ids on days made by hand, the adapter, the tables, the page, and one tiny month."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from benchmarks.identity import __main__ as command
from benchmarks.identity import page, tables, trials
from benchmarks.identity.judge import Change, Seen, Verdict, judge, planted
from benchmarks.identity.told import Told
from benchmarks.identity.trials import Month, same
from benchmarks.quality.page import filled
from campaigns import files
from campaigns.runs import Run, open_run
from simulation.lives import long_plan
from simulation.plan import CampaignPlan, SimulationPlan
from simulation.truth import CAMPAIGN_TRUTH, EVENT_TRUTH, PROMPT_TRUTH

Group = tuple[str | None, str | None, int]
"""Lasting campaign (None: an ordinary prompt), id of the report (None: in none), prompts."""
Event = tuple[str, str, str | None]


def told(members: dict[str, str], events: list[tuple[str, str, str]] | None = None) -> Told:
    """
    Args:
        members: id of each prompt.
        events: event, campaign_id, other_id.
    """
    names = {"event": pl.String, "campaign_id": pl.String, "other_id": pl.String}
    return Told(
        pl.DataFrame(
            list(members.items()), schema={"prompt_id": pl.String, "campaign_id": pl.String}, orient="row"
        ),
        pl.DataFrame(events or [], schema=names, orient="row"),
    )


def day(
    number: int,
    *groups: Group,
    truth: list[Event] | None = None,
    said: list[tuple[str, str, str]] | None = None,
) -> Seen:
    """The campaign `a+1` is `a`, and lives as `life of a`; `harness` is innocent."""
    prompts, members = [], {}
    for lasting, report, count in groups:
        for _ in range(count):
            name = f"p{len(prompts)}"
            innocent = lasting in (None, "harness")
            campaign = None if lasting is None or innocent else lasting.partition("+")[0]
            prompts.append(
                {
                    "prompt_id": name,
                    "account_id": "x",
                    "kind": "organic" if innocent else "campaign",
                    "campaign": campaign,
                    "language": "en",
                    "day": f"{number}",
                    "lasting": lasting,
                }
            )
            if report is not None:
                members[name] = report
    campaigns = [
        {
            "campaign": name, "operator": name, "evasion": "e0", "life": f"life of {name}", "leaks": [], "cover": 0.0,
            "n_prompts": 1, "n_accounts": 1, "accounts": [], "day": f"{number}", "profile": [], "leaky": 1.0,
            "shares_with": [],
        }
        for name in sorted({prompt["campaign"] for prompt in prompts if prompt["campaign"]})
    ]  # fmt: skip
    happened = [
        {"day": f"{number}", "event": event, "campaign": campaign, "other": other}
        for event, campaign, other in truth or []
    ]
    return Seen(
        number,
        pl.DataFrame(pa.Table.from_pylist(prompts, PROMPT_TRUTH)),
        pl.DataFrame(pa.Table.from_pylist(campaigns, CAMPAIGN_TRUTH)),
        pl.DataFrame(pa.Table.from_pylist(happened, EVENT_TRUTH)),
        told(members, said),
    )


def steps(verdict: Verdict, *columns: str) -> list[tuple[object, ...]]:
    return verdict.steps.select(columns).rows()


# -- found and kept ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "found", "whole", "ids"),
    [
        ([("a", "x", 10)], True, True, ["x"]),
        ([("a", "x", 5), ("a", None, 5)], True, True, ["x"]),
        ([("a", "x", 4), ("a", None, 6)], False, False, ["x"]),
        ([("a", "x", 4), ("a", "y", 3), ("a", None, 3)], True, False, ["x", "y"]),
        ([("a", "y", 3), ("a", "x", 3), ("a", None, 1)], True, False, ["x", "y"]),  # ties by id
        ([("a", "x", 8), (None, "x", 2)], True, True, ["x"]),
        ([("a", "x", 7), (None, "x", 3)], False, False, []),  # not pure
        ([("a", "x", 5), ("b", "x", 5)], False, False, []),
        ([("a", None, 5)], False, False, []),
    ],
)
def test_a_campaign_is_found_in_pure_reports(
    groups: list[Group], found: bool, whole: bool, ids: list[str]
) -> None:
    (row,) = judge([day(0, *groups)]).sightings.filter(pl.col("lasting") == "a").to_dicts()
    assert (row["found"], row["whole"], row["ids"]) == (found, whole, ids)
    assert row["campaign_id"] == (ids[0] if ids else None)
    assert (row["life"], row["evasion"]) == ("life of a", "e0")


def test_an_id_is_kept_from_the_last_day_on_which_the_campaign_was_found() -> None:
    verdict = judge(
        [
            day(0, ("a", "x", 10), ("harness", "h", 5)),
            day(1, ("a", "x", 10), ("harness", "h", 5)),
            day(2, ("a", "y", 10)),
            day(3, ("a", None, 10)),
            day(4, ("a", "y", 10)),
        ]
    )
    assert steps(verdict, "lasting", "day", "since", "kept", "old_id", "campaign_id") == [
        ("a", 1, 1, True, "x", "x"),
        ("a", 2, 1, False, "x", "y"),
        ("a", 4, 2, True, "y", "y"),
        ("harness", 1, 1, True, "h", "h"),
    ]
    assert set(verdict.sightings["life"]) == {"life of a", "innocents"}


def test_a_piece_that_becomes_the_largest_is_no_new_id() -> None:
    pieces = [("a", "x", 6), ("a", "y", 4)], [("a", "x", 4), ("a", "y", 6)], [("a", "z", 6), ("a", "y", 4)]
    verdict = judge([day(number, *groups) for number, groups in enumerate(pieces)])
    assert steps(verdict, "kept", "among", "whole") == [(False, True, True), (False, False, True)]


def test_steps_know_what_happened_since() -> None:
    verdict = judge(
        [
            day(0, ("a", "x", 10), truth=[("new", "a", None)]),
            day(1, truth=[("pause", "a", None)]),
            day(2, ("a", "x", 10), truth=[("return", "a", None)]),
            day(3, ("a", "y", 10), truth=[("renew", "a", None)]),
        ]
    )
    assert steps(verdict, "since", "kept", "events") == [
        (2, True, ["pause", "return"]),
        (1, False, ["renew"]),
    ]


# -- reuse ---------------------------------------------------------------------------------------------


def test_an_id_of_two_campaigns_is_reused() -> None:
    verdict = judge([day(0, ("a", "x", 10), ("b", "y", 10)), day(1, ("b", "x", 10)), day(2, ("b", "y", 10))])
    assert verdict.reused.rows() == [("x", ["a", "b"], False)]


def test_a_campaign_begun_anew_may_not_take_the_old_id_over() -> None:
    anew = [("new", "a+1", "a")]
    verdict = judge([day(0, ("a", "x", 10)), day(1, ("a+1", "x", 10), truth=anew)])
    assert verdict.reused.rows() == [("x", ["a", "a+1"], True)]
    assert verdict.changes.rows() == [(1, "new", "a+1", True, True, False, False)]
    fresh = judge([day(0, ("a", "x", 10)), day(1, ("a+1", "y", 10), truth=anew)])
    assert fresh.reused.is_empty()
    continues = [("possibly_continues", "y", "x")]
    linked = judge([day(0, ("a", "x", 10)), day(1, ("a+1", "y", 10), truth=anew, said=continues)])
    assert linked.changes["told"].to_list() == [True]
    assert linked.invented.is_empty()


@pytest.mark.parametrize("after", [("x", "y"), ("y", "x")])
def test_either_part_may_keep_the_id_of_the_whole(after: tuple[str, str]) -> None:
    split: list[Event] = [("split", "a+a", "a"), ("split", "a+b", "a")]
    one, other = after
    verdict = judge([day(0, ("a", "x", 10)), day(1, ("a+a", one, 5), ("a+b", other, 5), truth=split)])
    assert verdict.reused.is_empty()
    assert verdict.changes.rows() == [(1, "split", "a+a", True, True, False, False)]


# -- splits and merges ---------------------------------------------------------------------------------

SPLIT: list[Event] = [("split", "a+a", "a"), ("split", "a+b", "a")]
MERGE: list[Event] = [("merge", "a", "a+a"), ("merge", "a", "a+b")]


def test_changes_are_read_from_the_truth() -> None:
    days = [
        day(1, truth=[*SPLIT, ("pause", "b", None)]),
        day(2, truth=MERGE),
        day(3, truth=[("new", "c+1", "c")]),
    ]
    assert list(planted(days)) == [
        Change(1, "split", "a", ("a+a", "a+b")),
        Change(2, "merge", "a", ("a+a", "a+b")),
        Change(3, "new", "c", ("c+1",)),
    ]


@pytest.mark.parametrize(
    ("delay", "said", "right"),
    [
        (0, ("split", "y", "x"), True),
        (2, ("split", "y", "x"), True),
        (3, ("split", "y", "x"), False),  # too late
        (0, ("split", "x", "y"), True),  # whichever keeps the id
        (0, ("merged", "y", "x"), False),
        (0, ("split", "y", "b"), False),  # of another campaign
        (0, ("split", "y", "never seen"), False),
        (0, ("split", "x", "x"), False),
    ],
)
def test_a_split_is_told_in_time_and_of_the_right_ids(
    delay: int, said: tuple[str, str, str], right: bool
) -> None:
    after = [("a+a", "x", 5), ("a+b", "y", 5), ("b", "b", 5)]
    days = [day(0, ("a", "x", 10), ("b", "b", 5))]
    days += [
        day(1 + late, *after, truth=SPLIT if late == 0 else [], said=[said] if late == delay else [])
        for late in range(4)
    ]
    verdict = judge(days)
    assert verdict.changes["told"].to_list() == [right]
    assert verdict.invented.height == (not right)


def test_a_merge_is_told_of_the_id_that_stays_and_the_one_that_ends() -> None:
    before = day(0, ("a+a", "x", 5), ("a+b", "y", 5))
    verdict = judge([before, day(1, ("a", "x", 10), truth=MERGE, said=[("merged", "x", "y")])])
    assert verdict.changes.rows() == [(1, "merge", "a+a", True, True, True, False)]
    assert verdict.invented.is_empty()
    lost = judge([before, day(1, ("a", "z", 10), truth=MERGE)])
    assert lost.changes.rows() == [(1, "merge", "a+a", True, False, False, False)]


def test_a_merge_that_a_person_is_asked_about_is_not_told_but_asked() -> None:
    before = day(0, ("a+a", "x", 5), ("a+b", "y", 5))
    asked = day(1, ("a", "x", 10), truth=MERGE, said=[("asked", "x", "y")])
    assert judge([before, asked]).changes.select("told", "asked").rows() == [(False, True)]
    assert judge([before, asked]).invented.is_empty()


def test_a_change_of_which_a_side_is_not_found_is_not_seen() -> None:
    verdict = judge([day(0, ("a", "x", 10)), day(1, ("a+a", "x", 5), ("a+b", None, 5), truth=SPLIT)])
    assert verdict.changes["seen"].to_list() == [False]


def test_a_split_of_a_day_without_one_is_invented() -> None:
    said = [("split", "y", "x"), ("reawakened", "x", "y")]
    verdict = judge([day(0, ("a", "x", 10)), day(1, ("a", "x", 10), said=said)])
    assert verdict.invented.rows() == [(1, "split", "y", "x", False)]


def test_pieces_of_one_campaign_that_meet_are_no_invention() -> None:
    pieces = day(0, ("a", "x", 5), ("a", "y", 5), ("b", "b", 5))
    said = [("merged", "x", "y"), ("merged", "x", "b")]
    verdict = judge([pieces, day(1, ("a", "x", 10), said=said)])
    assert verdict.invented["pieces"].to_list() == [True, False]


# -- what a run says -----------------------------------------------------------------------------------


def run_with(
    folder: Path, identities: list[tuple[str, str, str | None]], unseen: list[tuple[str, str, str]]
) -> Run:
    """Two prompts of the text 1, in family 0, and one of text 2, in family 1; rows are campaign, event and other."""
    run = open_run(folder, SimulationPlan(1, 1, 1).first_day, "benchmark")
    prompts = pa.table({"prompt_id": ["p", "q", "r"], "text_key": pa.array([1, 1, 2], pa.int64())})
    files.write_parquet(run.path / "prompts" / "part-0000.parquet", prompts)
    members = pa.table({"text_key": pa.array([1, 2], pa.int64()), "family": pa.array([0, 1], pa.int32())})
    files.write_parquet(run.path / "family_members.parquet", members)
    for name, rows in (("identities", identities), ("unseen", unseen)):
        table = pl.DataFrame(rows, ["campaign_id", "event", "other_id"], orient="row")
        table = table.with_columns(pl.col("campaign_id", "event", "other_id").cast(pl.String))
        family = pl.int_range(pl.len(), dtype=pl.Int32).alias("family")
        files.write_parquet(run.path / f"{name}.parquet", table.with_columns(family).to_arrow())
    return run


def test_campaigns_kept_and_minted_are_no_event(tmp_path: Path) -> None:
    found = Told.read(run_with(tmp_path, [("x", "kept", None), ("y", "minted", "x")], []))
    assert found.members.sort("prompt_id").rows() == [("p", "x"), ("q", "x"), ("r", "y")]
    assert found.events.is_empty()
    assert found.events.columns == ["event", "campaign_id", "other_id"]


def test_each_event_is_told_once_and_of_campaigns_unseen_too(tmp_path: Path) -> None:
    run = run_with(tmp_path, [("y", "split", "x"), ("y", "split", "x")], [("z", "merged", "x")])
    assert Told.read(run).events.rows() == [("merged", "z", "x"), ("split", "y", "x")]


def test_sameness_counts_prompts_under_the_same_id() -> None:
    one = told({"p": "x", "q": "x", "r": "y"})
    assert same(one, told({"r": "y", "q": "x", "p": "x"})) == 1.0
    assert same(one, told({"p": "x", "q": "z", "s": "y"})) == 0.25
    assert same(told({}), told({})) == 1.0


# -- tables, page, command -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def months() -> list[Month]:
    verdict = judge(
        [
            day(0, ("a", "x", 10), ("c", "z", 4), ("harness", "h", 5), truth=[("new", "a", None)]),
            day(
                1, ("a+a", "x", 5), ("a+b", "y", 5), ("c", "z", 4), ("harness", "g", 5), truth=SPLIT,
                said=[("split", "y", "x"), ("merged", "g", "h")],
            ),
            day(2, ("a+a", "x", 5), ("a+b", "w", 5), ("c", "z", 4), truth=[("renew", "c", None)]),
        ]
    )  # fmt: skip
    return [Month(7, verdict, {"again": 1.0, "rows shuffled": 0.5})]


def test_the_tables_tell_what_was_judged(months: list[Month]) -> None:
    made = tables.made(months)
    identity = made["identity"]
    assert identity.rows[0] == ("7", 8, 8, 3, 4, 0, 0, 1, 1, 0, 0, 0)
    assert identity.rows[-1] == ("all", *identity.rows[0][1:])
    assert identity.value("ids kept on consecutive days") == 0.75
    assert identity.value("ids of innocents kept") == 0.0
    lives = {row[0]: row[1:] for row in made["lives"].rows}
    assert lives["life of c"] == (3, 100.0, 1.0, 2, 100.0, 100.0)
    assert lives["life of a"] == (5, 100.0, 1.0, 2, 50.0, 50.0)
    changes = {row[0]: row[1:] for row in made["changes"].rows}
    assert changes["split"] == (1, 1, 1, 0, 1, 0, 0)
    assert changes["merge"] == (0, 0, 0, 0, 0, 1, 0)
    assert made["changes"].value("splits and merges told") == 1.0
    assert made["again"].rows == (("7", 100.0, 50.0, "-", "-"),)


def test_the_page_has_a_place_for_every_table(
    months: list[Month], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    for name in [*tables.made(months), "made-identity"]:
        text = filled(text, name, "here")
    copy = tmp_path / "identity.md"
    copy.write_text(page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", copy)
    page.fill(tables.made(months), "Made by hand.")
    assert "Made by hand." in copy.read_text(encoding="utf-8")
    assert "| life of c | 3 |" in copy.read_text(encoding="utf-8")


def test_the_command_says_what_it_did(
    months: list[Month], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[range, int, int]] = []

    def judged(seeds: range, days: int, prompts: int) -> list[Month]:
        asked.append((seeds, days, prompts))
        return months

    monkeypatch.setattr(command, "months", judged)
    monkeypatch.setattr(sys, "argv", ["identity", "--seeds", "2", "--first", "7", "--days", "3", "--json"])
    command.main()
    said = json.loads(capsys.readouterr().out)
    assert asked == [(range(7, 9), 3, 4_000)]
    assert said["tables"]["identity"]["figures"]["ids reused"]["value"] == 0
    assert {row["seed"] for row in said["steps"]} == {7}


@pytest.mark.slow
def test_a_small_month_runs_and_comes_out_the_same_again(tmp_path: Path) -> None:
    plan = SimulationPlan(
        3,
        500,
        11,
        (
            CampaignPlan("steady", "stepwise-ledger", accounts=20, prompts_per_day=60),
            CampaignPlan(
                "renewed", "pairwise-judge", accounts=20, prompts_per_day=60, life="renews", turns=(1,)
            ),
        ),
    )
    judged = trials.month(plan, tmp_path)
    assert judged.again == dict.fromkeys(trials.AGAIN, 1.0)
    assert judged.verdict.sightings["found"].all()
    kept = judged.verdict.steps.select("lasting", "day", "kept").rows()
    assert kept == [(name, day, True) for name in ("renewed", "steady") for day in (1, 2)]
    assert judged.verdict.reused.is_empty()


def test_months_are_of_long_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[SimulationPlan] = []

    def month(plan: SimulationPlan, _folder: Path | None) -> Month:
        planned.append(plan)
        return Month(plan.seed, judge([day(0)]), {})

    monkeypatch.setattr(trials, "month", month)
    assert [one.seed for one in trials.months([3, 4], 2, 1_500)] == [3, 4]
    assert planned == [long_plan(3, 2, 1_500), long_plan(4, 2, 1_500)]
