"""Each check of the health gate against a failure that was planted, with known figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.errors import HealthError, UsageError
from campaigns.runs import Counts, Run
from campaigns.settings import HealthSettings, load
from flows.commands.run import acceptance
from flows.floor import detection_floor
from flows.gate import Acceptance, health_counts, refusal
from flows.health import DAY_COUNTS, CanaryFigures, Check, DayFigures, Today, examine
from review.soundness import recalls

DAY = date(2026, 3, 2)
LIMITS = HealthSettings()
SOUND = DayFigures(DAY, rows=20_000, quarantined=200, texts=18_000, ungrouped=3_600, campaigns=40)
BEFORE = [
    DayFigures(DAY - timedelta(days=ago), 20_000 + 100 * ago, 200, 18_000, 3_600 + 20 * ago, 40)
    for ago in range(1, 8)
]
CANARY = CanaryFigures("exact", n_prompts=24, found=24, recall=1.0, mixed=0)


def today(figures: DayFigures = SOUND, **changes: Any) -> Today:
    return replace(Today(figures, "c-1", 0.03, 0.02, (CANARY,), ""), **changes)


def failed(of: Today, before: list[DayFigures] = BEFORE, limits: HealthSettings = LIMITS) -> dict[str, Check]:
    return {check.name: check for check in examine(of, before, limits) if check.failed}


def the_one(of: Today, before: list[DayFigures] = BEFORE) -> Check:
    ((_, check),) = failed(of, before).items()
    return check


def test_a_sound_day_passes_and_every_check_was_made() -> None:
    checks = examine(today(), BEFORE, LIMITS)
    assert [check.name for check in checks] == [
        "canary recall", "canaries apart", "mega-cluster", "noise share", "empty output", "prompt drift",
        "quarantine share",
    ]  # fmt: skip
    assert not any(check.failed for check in checks)
    assert all(check.value is not None and check.limit is not None for check in checks)


def test_what_came_in_is_judged_by_the_first_pass_and_what_was_found_by_the_second() -> None:
    looked_at = replace(SOUND, rows=200_000, quarantined=90_000, ungrouped=17_000)
    assert {"noise share", "prompt drift", "quarantine share"} == failed(today(looked_at)).keys()
    assert failed(today(looked_at, arrived=SOUND)) == {}
    nothing = replace(looked_at, campaigns=0)
    assert failed(today(nothing, arrived=SOUND)).keys() == {"empty output"}


def test_later_days_are_compared_with_the_first_pass() -> None:
    own: Counts = dict.fromkeys(DAY_COUNTS, 7)
    assert DayFigures.as_usual(DAY, own) == DayFigures.of(DAY, own)
    first: Counts = {f"first_pass.{name}": 5 for name in DAY_COUNTS}
    assert DayFigures.as_usual(DAY, {**own, **first, "first_pass.run_id": "2026-03-02.1"}) == DayFigures(
        DAY, 5, 5, 5, 0, 5
    )


def test_most_canaries_lost() -> None:
    lost = CanaryFigures("reworded", n_prompts=72, found=18, recall=0.25, mixed=0)
    long = replace(lost, canary="long", recall=0.1)
    check = the_one(today(canaries=(CANARY, long, lost)))
    assert (check.name, check.value, check.limit) == ("canary recall", 0.25, 0.3)
    assert check.sentence == (
        "2 of 3 planted campaigns have less than 30% of their prompts in one family of their own "
        "(exact 24 of 24, long 18 of 72, reworded 18 of 72)."
    )
    assert not failed(today(canaries=(CANARY, long, replace(lost, recall=0.3))))
    assert not failed(today(canaries=(CANARY, CANARY, long)))  # one may be lost to the day's traffic


def test_without_canaries_nothing_is_judged_and_it_says_why() -> None:
    checks = examine(today(canaries=(), why_not="600 prompts, canaries need 2,000"), BEFORE, LIMITS)
    assert checks[0].value is None
    assert checks[0].sentence == "No canaries were planted: 600 prompts, canaries need 2,000."


def test_a_few_mixed_prompts_pass_and_many_do_not() -> None:
    both = (CANARY, replace(CANARY, canary="long"))
    assert not failed(today(canaries=(replace(CANARY, mixed=9), both[1])))  # 9 of 48
    check = the_one(today(canaries=(replace(CANARY, mixed=12), both[1])))
    assert (check.name, check.value, check.limit) == ("canaries apart", 0.25, 0.2)


def test_a_mega_cluster_holds_prompts_and_accounts() -> None:
    check = the_one(today(largest_prompts=0.62, largest_accounts=0.41))
    assert (check.name, check.value, check.limit) == ("mega-cluster", 0.41, 0.25)
    assert "c-1" in check.look
    assert not failed(today(largest_prompts=0.62, largest_accounts=0.01)), "one busy app"
    assert not failed(today(largest_prompts=0.02, largest_accounts=0.6)), "a viral prompt"
    assert not failed(today(replace(SOUND, rows=900), largest_prompts=0.9, largest_accounts=0.9), []), (
        "a small day"
    )


def test_noise_that_jumps() -> None:
    # the days before: 3,620 to 3,740 of 18,000, median 3,680 (20.4 %); the limit is 15 points above
    check = the_one(today(replace(SOUND, ungrouped=6_480)))
    assert (check.name, check.value, check.limit) == ("noise share", 0.36, 0.3544)
    assert not failed(today(replace(SOUND, ungrouped=6_300)))
    assert not failed(today(replace(SOUND, ungrouped=18_000)), BEFORE[:4]), "too few days to tell"


def test_restless_days_widen_what_is_usual() -> None:
    restless = [replace(day, ungrouped=3_600 + 1_800 * n) for n, day in enumerate(BEFORE)]
    assert not failed(today(replace(SOUND, ungrouped=14_400)), restless)
    assert failed(today(replace(SOUND, ungrouped=14_400)), BEFORE)


def test_no_output_where_days_before_had_some() -> None:
    check = the_one(today(replace(SOUND, campaigns=0)), BEFORE[:1])
    assert (check.name, check.value) == ("empty output", 0)
    assert check.sentence == "0 campaigns were found; over 1 day before it were 40 (median)."
    assert not failed(today(replace(SOUND, campaigns=0)), [])
    assert not failed(today(replace(SOUND, campaigns=0)), [replace(day, campaigns=0) for day in BEFORE])


@pytest.mark.parametrize(
    ("rows", "value", "limit"), [(6_400, 6_200, 6_733.3), (61_000, 60_800, 60_600), (200, 0, 6_733.3)]
)
def test_prompts_that_drift(rows: int, value: float, limit: float) -> None:
    # the days before: median 20,400 rows, 20,200 prompts
    check = failed(today(replace(SOUND, rows=rows)))["prompt drift"]
    assert (check.value, check.limit) == (value, limit)


def test_a_weekend_is_no_drift() -> None:
    assert not failed(today(replace(SOUND, rows=10_000)))


def test_quarantine_that_jumps() -> None:
    check = the_one(today(replace(SOUND, quarantined=1_300)))
    assert check.name == "quarantine share"
    assert (check.value, check.limit) == (0.065, 0.0598)
    assert not failed(today(replace(SOUND, quarantined=1_100)))


def test_counts_of_a_run_become_figures_and_those_of_older_versions_do_not() -> None:
    counts: dict[str, int | float | str] = {
        "ingest.rows_in": 100, "ingest.quarantined": 5, "scaffold.texts": 80, "group.grouped_texts": 60,
        "results.campaigns": 2,
    }  # fmt: skip
    found = DayFigures.of(DAY, counts)
    assert found == DayFigures(DAY, 100, 5, 80, 20, 2)
    assert (found.prompts, found.noise, found.quarantine) == (95, 0.25, 0.05)
    del counts["group.grouped_texts"]
    assert DayFigures.of(DAY, counts) is None


def test_the_refusal_says_check_figures_place_and_command(tmp_path: Path) -> None:
    checks = examine(
        today(replace(SOUND, campaigns=0), largest_prompts=0.5, largest_accounts=0.5), BEFORE, LIMITS
    )
    error = refusal(Run(tmp_path, DAY, 1, "f"), checks, "shoal run --day 2026-03-02 --accept-health REASON")
    assert isinstance(error, HealthError)
    assert error.exit_code == 9
    assert "mega-cluster: The largest campaign holds 50% of the prompts" in error.what
    assert "empty output: 0 campaigns were found" in error.what
    assert error.where == str(tmp_path)
    assert error.hint.endswith("shoal run --day 2026-03-02 --accept-health REASON")


def test_the_store_keeps_recall_and_who_accepted_what() -> None:
    of = today(replace(SOUND, campaigns=0))
    checks = examine(of, BEFORE, LIMITS)
    accepted = Acceptance("ada", "the pool is gone").recorded()
    counts = health_counts(of, checks, accepted)
    assert recalls(counts) == {"exact": 1.0}
    assert counts["health.failed"] == "empty output"
    assert (counts["health.accepted_by"], counts["health.accepted_reason"]) == ("ada", "the pool is gone")
    assert health_counts(of, checks, None) == {"canary.exact": 1.0}
    with pytest.raises(UsageError, match="for a reason"):
        Acceptance("ada", " ")


def test_who_accepts_is_who_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert acceptance(None) is None
    assert acceptance("the pool is gone") == Acceptance("ada", "the pool is gone")
    with pytest.raises(UsageError):
        acceptance("")


@pytest.mark.parametrize(
    ("rate", "of_all", "told"),
    [
        (1.0, 5, None),
        (0.01, 500, "They are 1.000% of all"),
        (0.3, 17, "about 17 prompts a day from 5 accounts"),
    ],
)
def test_the_floor_is_told_for_all_traffic(
    tmp_path: Path, rate: float, of_all: int, told: str | None
) -> None:
    run = Run(tmp_path, DAY, 1, "f")
    run.stage("scaffold", lambda: {"prompts": 20_000, "minimum_accounts": 8}, [])
    floor = detection_floor(run, load({"sample_rate": rate}, environment={}).settings)
    assert (floor["min_prompts"], floor["minimum_accounts"], floor["phrase_accounts"]) == (5, 5, 8)
    assert (floor["all_prompts"], floor["all_accounts"], floor["sample_rate"]) == (of_all, 5, rate)
    assert told in floor["sentence"] if told else floor["sentence"].endswith("ends tell.")
