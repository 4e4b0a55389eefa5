"""`shoal report` and `shoal diff` as a person types them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from console import data, keep_apart, shoal
from report_examples import Sent, publish_day, publish_week
from run_examples import HOSTILE
from store_examples import MONDAY, TUESDAY, WEDNESDAY

from campaigns.display import safe_text
from campaigns.entries import CampaignSummary
from campaigns.records import Objective, Tier
from review.diff import Change, Difference, Kind, compare

UNSEEN = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    keep_apart(tmp_path, monkeypatch, columns=240)
    return tmp_path / "var"


# -- report --------------------------------------------------------------------------------------------


def test_the_report_of_a_week(home: Path) -> None:
    publish_week(home)
    result = shoal("report", "--from", "2026-01-05", "--to", "2026-01-11")
    assert result.exit_code == 0, result.stderr
    assert "Prevalence of campaigns, 2026-01-05 to 2026-01-11" in result.stdout
    assert "Not published, and in no figure: 2026-01-07." in result.stdout
    assert "100.0 % of 640 prompts went to large-2" in result.stdout
    for heading in ("By day", "By tier", "By objective", "By model", "By country", "Largest campaigns"):
        assert heading in result.stdout
    assert "as a page: shoal report --from 2026-01-05" in result.stderr


def test_without_days_the_last_week_is_reported(home: Path) -> None:
    publish_week(home, days=2)
    publish_day(home, MONDAY - timedelta(days=30), [Sent("c-old", range(5))])
    found = data("report")
    assert (found["first"], found["last"]) == ("2026-01-05", "2026-01-06")
    assert (found["not_published"], found["without_table"]) == ([], [])
    assert [day["day"] for day in found["days"]] == ["2026-01-05", "2026-01-06"]
    (pool, *_) = found["largest"]
    assert pool["prompts"] == {"value": 320.0, "low": 320.0, "high": 320.0}


def test_a_campaign_known_since_long_says_so(home: Path) -> None:
    publish_day(home, MONDAY - timedelta(days=30), [Sent("c-1", range(5))])
    publish_day(home, MONDAY, [Sent("c-1", range(5))])
    (one,) = data("report", "--from", "2026-01-05")["largest"]
    assert (one["first_seen"], one["last_seen"]) == ("2025-12-06", "2026-01-05")


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_pages_go_to_stdout_or_a_file(home: Path, form: str) -> None:
    publish_week(home, days=2)
    printed = shoal("report", "--format", form)
    assert printed.exit_code == 0, printed.stderr
    assert printed.stdout.startswith({"html": "<!doctype html>", "markdown": "# Prevalence"}[form])
    written = shoal("report", "--format", form, "--out", "week")
    assert written.stdout == "week\n"
    assert (home.parent / "week").read_text(encoding="utf-8") == printed.stdout


def test_json_can_be_written_and_a_terminal_cannot(home: Path) -> None:
    publish_week(home, days=1)
    assert shoal("report", "--json", "--out", "week.json").stdout == "week.json\n"
    written = json.loads((home.parent / "week.json").read_text(encoding="utf-8"))
    assert written == data("report")
    refused = shoal("report", "--out", "week.txt")
    assert refused.exit_code == 2
    assert "Add --format markdown" in refused.stderr


def test_hostile_titles_stay_text_on_the_terminal(home: Path) -> None:
    publish_week(home, title=HOSTILE + "W" * 10_000, rate=0.1)
    for arguments in (("report",), ("report", "--format", "markdown"), ("report", "--format", "html")):
        result = shoal(*arguments)
        assert result.exit_code == 0, result.stderr
        assert not any(character in result.stdout for character in UNSEEN)
        assert "\\x1b" in result.stdout or "\\\\x1b" in result.stdout
        assert "W" * 300 not in result.stdout
    changed = shoal("diff", "2026-01-05", "2026-01-06")
    assert changed.exit_code == 0, changed.stderr
    assert not any(character in changed.stdout for character in UNSEEN)


def test_days_without_figures_are_told_and_alone_they_are_an_error(home: Path) -> None:
    publish_day(home, MONDAY, [Sent("c-1", range(5))], counted=False)
    refused = shoal("report")
    assert refused.exit_code == 2
    assert "was published with figures of prevalence" in refused.stderr
    assert "--force" in refused.stderr
    publish_day(home, TUESDAY, [Sent("c-1", range(5))])
    told = shoal("report")
    assert "Published before prevalence was counted, and in no figure: 2026-01-05." in told.stdout


def test_periods_that_make_no_sense_are_refused(home: Path) -> None:
    assert "no day is published yet" in shoal("report").stderr
    publish_week(home, days=1)
    wrong = shoal("report", "--from", "2026-01-06", "--to", "2026-01-05")
    assert (wrong.exit_code, "is after --to" in wrong.stderr) == (2, True)
    nothing = shoal("report", "--from", "2026-02-01", "--to", "2026-02-02")
    assert (nothing.exit_code, "no day from 2026-02-01" in nothing.stderr) == (2, True)
    assert shoal("report", "--from", "yesterday").exit_code == 2


# -- diff ----------------------------------------------------------------------------------------------


def seen(name: str, n_prompts: int, tier: Tier = Tier.REVIEW, *, title: str = "") -> CampaignSummary:
    return CampaignSummary(
        campaign_id=name,
        day=MONDAY,
        run_id="",
        n_prompts=n_prompts,
        n_accounts=n_prompts // 2,
        tier=tier,
        score=0.5,
        title=title or name,
        objective=Objective.CODE,
        template="",
        first_day=MONDAY,
        last_day=TUESDAY,
        state="active",
    )


def compared(
    first: list[CampaignSummary], second: list[CampaignSummary], rates: tuple[float, float] = (1.0, 1.0)
) -> Difference:
    return compare(first, second, (MONDAY, TUESDAY), rates)


def kinds(found: Difference) -> dict[str, Kind]:
    return {change.campaign_id: change.kind for change in found.changes}


def test_only_more_than_counting_noise_is_a_change_of_size() -> None:
    first = [seen("grows", 100), seen("shrinks", 100), seen("wobbles", 100), seen("goes", 5)]
    second = [seen("grows", 180), seen("shrinks", 40), seen("wobbles", 118), seen("comes", 5)]
    found = compared(first, second)
    assert kinds(found) == {
        "grows": Kind.GROWN, "shrinks": Kind.SHRUNK, "goes": Kind.GONE, "comes": Kind.NEW,
    }  # fmt: skip
    assert (found.same, found.count(Kind.NEW)) == (1, 1)


def test_samples_of_different_rates_are_compared_at_their_rates() -> None:
    """A hundred of a tenth are a thousand; two hundred of a fifth are as many."""
    assert kinds(compared([seen("c", 100)], [seen("c", 200)], (0.1, 0.2))) == {}
    assert kinds(compared([seen("c", 100)], [seen("c", 100)], (0.1, 0.2))) == {"c": Kind.SHRUNK}


def test_many_campaigns_do_not_make_noise_a_change() -> None:
    """One p-value of 0.02 is a change by itself, and none among a hundred that did not change."""
    first, second = seen("c", 100), seen("c", 138)
    assert kinds(compared([first], [second])) == {"c": Kind.GROWN}
    others = [seen(f"o-{n}", 100) for n in range(100)]
    assert kinds(compared([first, *others], [second, *others])) == {}


def test_the_gravest_tier_comes_first_then_what_came_or_went() -> None:
    first = [seen("a", 900, Tier.BENIGN), seen("b", 50), seen("d", 20, Tier.BENIGN), seen("e", 300)]
    second = [seen("b", 500), seen("c", 9, Tier.ACTIONABLE), seen("d", 20, Tier.ACTIONABLE), seen("e", 300)]
    found = compared(first, second)
    assert [change.campaign_id for change in found.changes] == ["c", "d", "b", "a"]
    (moved,) = [change for change in found.changes if change.tier_changed]
    assert (moved.campaign_id, moved.kind) == ("d", Kind.SAME)
    assert isinstance(moved, Change)
    shuffled = compared(first[::-1], second[::-1])
    assert shuffled == found


def test_two_days_are_compared(home: Path) -> None:
    pool = Sent("c-aaaa", range(40), 3, title=HOSTILE)
    publish_day(home, MONDAY, [pool, Sent("c-gone", range(50, 60)), Sent("c-same", range(70, 90))])
    second = [
        Sent("c-aaaa", range(60), 4, title=HOSTILE, tier=Tier.ACTIONABLE),
        Sent("c-new", range(9)),
        Sent("c-same", range(70, 90)),
    ]
    publish_day(home, TUESDAY, second, rate=0.5)
    found = data("diff", "2026-01-05", "2026-01-06")
    assert found["rates"] == [1.0, 0.5]
    assert found["same"] == 0  # half a sample with as many prompts is twice as many
    told = {change["campaign_id"]: change for change in found["changes"]}
    assert {name: change["kind"] for name, change in told.items()} == {
        "c-aaaa": "grown", "c-gone": "gone", "c-new": "new", "c-same": "grown",
    }  # fmt: skip
    assert told["c-aaaa"]["before"]["tier"] == "review"
    assert told["c-aaaa"]["after"] == {"n_prompts": 240, "n_accounts": 60, "tier": "actionable", "score": 0.5}
    assert told["c-gone"]["after"] is None
    result = shoal("diff", "2026-01-05", "2026-01-06")
    assert "1 new, 2 grown, 0 shrunk, 1 gone; 0 campaigns as before" in result.stdout
    assert "Counts are those of samples of 100 % and 50 %." in result.stdout
    assert "review → actionable" in result.stdout
    assert "120 → 240" in result.stdout
    assert safe_text(HOSTILE, 90) in result.stdout
    assert "next: shoal show c-aaaa" in result.stderr


def test_days_that_cannot_be_compared_are_refused(home: Path) -> None:
    publish_day(home, MONDAY, [Sent("c-1", range(5))])
    assert "is not before" in shoal("diff", "2026-01-06", "2026-01-05").stderr
    missing = shoal("diff", "2026-01-05", str(WEDNESDAY))
    assert (missing.exit_code, "2026-01-07 is not published" in missing.stderr) == (2, True)
    assert shoal("diff", "2026-01-05").exit_code == 2


def test_a_day_is_compared_with_one_of_an_earlier_version(home: Path) -> None:
    """Sizes and tiers are in the store: the tables of prevalence are not needed."""
    publish_day(home, MONDAY, [Sent("c-1", range(5))], counted=False)
    publish_day(home, TUESDAY, [Sent("c-1", range(5))])
    found = data("diff", str(MONDAY), str(date(2026, 1, 6)))
    assert (found["changes"], found["same"]) == ([], 1)
