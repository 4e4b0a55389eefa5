"""The prevalence report: its figures against a count by hand, what it says, and that hostile text stays text."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import Sent, publish_day, publish_week
from run_examples import HOSTILE, publish_example
from store_examples import MONDAY

from campaigns.display import safe_text
from campaigns.errors import UsageError
from campaigns.estimates import Estimate
from campaigns.records import Objective, Tier
from review.report import read_report
from review.report_page import page
from review.report_records import Report
from review.report_words import (
    amount,
    bounds,
    days_in_words,
    escaped,
    headline,
    markdown,
    notes,
    part,
    percent,
    told,
)

SUNDAY = MONDAY + timedelta(days=6)
LONG = HOSTILE + "W" * 10_000


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Report:
    runs = publish_week(tmp_path_factory.mktemp("home"))
    return read_report(MONDAY, SUNDAY, runs, {"c-aaaa": (date(2025, 12, 1), SUNDAY)})


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    runs = publish_week(tmp_path_factory.mktemp("home"), title=LONG, rate=0.1)
    return read_report(MONDAY, SUNDAY, runs, {})


# -- figures -------------------------------------------------------------------------------------------


def test_shares_are_those_of_a_count_by_hand(week: Report) -> None:
    """Six days; each 960 ordinary prompts, 160 of the pool, 90 of the app, and 12 accounts with n + 5 prompts."""
    code = [12 * (5 + n) for n in (0, 1, 3, 4, 5, 6)]
    every = 6 * (960 + 160 + 90) + sum(code)
    assert week.prompts == Estimate(every, every, every)
    tiers = {row.name: row for row in week.kinds["tier"]}
    assert tiers["actionable"].prompts.value == 960
    assert tiers["actionable"].prompt_share.value == pytest.approx(960 / every)
    assert tiers["review"].prompt_share.value == pytest.approx(sum(code) / every)
    assert week.suspected.prompt_share.value == pytest.approx((960 + sum(code)) / every)
    assert week.whole.prompt_share.value == pytest.approx((960 + 540 + sum(code)) / every)
    tokens = 6 * (960 * 160 + 250 * 200) + sum(code) * 200
    assert tiers["actionable"].token_share.value == pytest.approx(960 * 200 / tokens)
    assert tiers["actionable"].accounts == 40
    assert tiers["actionable"].account_share == pytest.approx(40 / (240 + 40 + 12 + 3))
    assert week.suspected.account_share == pytest.approx(52 / 295)
    assert not week.sampled


def test_models_and_countries_are_shares_of_their_own_traffic(week: Report) -> None:
    models = {row.name: row for row in week.kinds["model"]}
    assert models["large-2"].prompt_share.value == pytest.approx(640 / (640 + 4 * 240))
    assert models["large-2"].account_share == pytest.approx(40 / 100)
    countries = {row.name: row for row in week.kinds["country"]}
    assert countries[None].prompt_share.value == 1
    assert countries["PT"].prompt_share.value == pytest.approx(90 / 330)
    assert countries["PT"].suspected_share.value == 0


def test_the_largest_campaigns_say_when_they_were_seen(week: Report) -> None:
    first, second, third = week.largest
    assert [one.campaign_id for one in week.largest] == ["c-aaaa", "c-bbbb", "c-cccc"]
    assert (first.prompts.value, first.accounts, first.tier) == (960, 240, "actionable")
    assert (first.first_seen, first.last_seen) == (date(2025, 12, 1), SUNDAY)
    assert (second.accounts, third.accounts) == (12, 3)


def test_a_sample_stands_for_all_traffic(tmp_path: Path) -> None:
    """Days of different rates in one report."""
    sent = [Sent("", range(100), 2), Sent("c-1", range(200, 250), 2)]
    runs = [
        publish_day(tmp_path, MONDAY, sent, rate=0.5),
        publish_day(tmp_path, MONDAY + timedelta(days=1), sent, rate=0.1),
    ]
    report = read_report(MONDAY, MONDAY + timedelta(days=1), runs, {})
    assert report.prompts.value == pytest.approx(300 / 0.5 + 300 / 0.1)
    assert report.prompts.low < report.prompts.value < report.prompts.high
    assert report.whole.prompt_share.value == pytest.approx(1 / 3)
    assert report.whole.prompt_share.low < 1 / 3 < report.whole.prompt_share.high
    assert [day.prompts.value for day in report.days] == [pytest.approx(600), pytest.approx(3000)]
    assert (report.days[0].all_accounts.seen, report.days[0].all_accounts.at_most) == (150, 300)
    assert report.sampled
    assert any("50 % and 10 %" in note or "10 % and 50 %" in note for note in notes(report))


def test_days_that_are_missing_are_named(tmp_path: Path) -> None:
    runs = [
        publish_day(tmp_path, MONDAY, [Sent("c-1", range(9))], counted=False),
        publish_day(tmp_path, MONDAY + timedelta(days=3), [Sent("c-1", range(9))]),
    ]
    report = read_report(MONDAY, MONDAY + timedelta(days=5), runs, {})
    assert report.without_table == (MONDAY,)
    assert len(report.not_published) == 4
    said = " ".join(notes(report))
    assert "Not published, and in no figure: 2026-01-06 to 2026-01-07, 2026-01-09 to 2026-01-10." in said
    assert "Published before prevalence was counted, and in no figure: 2026-01-05." in said
    assert "2026-01-09 to 2026-01-10" in markdown(report)
    with pytest.raises(UsageError, match="no day from 2026-01-05 to 2026-01-05"):
        read_report(MONDAY, MONDAY, runs[:1], {})


def test_a_day_without_campaigns_has_a_report(tmp_path: Path) -> None:
    run = publish_day(tmp_path, MONDAY, [Sent("", range(9), tokens=None)])
    report = read_report(MONDAY, MONDAY, [run], {})
    assert report.whole.prompt_share.value == 0
    assert report.largest == report.moves == report.turnovers == ()
    assert report.token_coverage == 0
    assert "0.0 % of all prompts" in headline(report)
    assert "NaN" not in json.dumps(report.as_json())
    for text in (page(report), markdown(report)):
        assert "No operator whose counts bear saying so." in text


# -- changes -------------------------------------------------------------------------------------------


def test_an_operator_that_moves_after_a_release_is_told_with_its_figures(week: Report) -> None:
    (move,) = week.moves
    thursday = MONDAY + timedelta(days=3)
    assert (move.operator, move.model, move.from_model) == ("o-aaaa", "large-2", "large-1")
    assert (move.day, move.first_seen) == (thursday, thursday)
    assert (move.before, move.after, move.n_before, move.n_after) == (0, 1, 320, 640)
    assert move.others_before == 0
    assert 0.15 < move.others_after < 0.25
    assert move.p_value < 1e-4
    assert told(move).startswith(
        "From 2026-01-08 on, 100.0 % of 640 prompts went to large-2, away from large-1; before, 0.0 % of 320."
    )
    assert "large-2 was first seen in this traffic on 2026-01-08." in told(move)


def test_few_accounts_or_small_changes_are_no_move(tmp_path: Path) -> None:
    """Three accounts that move all their prompts are too few; ten points of sixty accounts are too little."""
    runs = []
    for n in range(4):
        model = "large-2" if n >= 2 else "large-1"
        sent = [
            Sent("", range(1_000, 1_100), 2, "large-2"),
            Sent("c-few", range(3), 50, model),
            Sent("c-gone", range(300, 360), 5, model, tier=Tier.BENIGN),
            Sent("c-same", range(100, 160), 9, "large-1"),
        ]
        runs.append(publish_day(tmp_path, MONDAY + timedelta(days=n), sent))
    assert read_report(MONDAY, MONDAY + timedelta(days=3), runs, {}).moves == ()


def test_accounts_that_are_replaced_stand_beside_the_usual(week: Report) -> None:
    turnovers = {one.campaign_id: one for one in week.turnovers}
    assert set(turnovers) == {"c-aaaa", "c-bbbb"}  # suspected ones alone
    pool, steady = turnovers["c-aaaa"], turnovers["c-bbbb"]
    assert (pool.pairs, pool.accounts, pool.new_share, pool.gone_share) == (
        4,
        40,
        1,
        1,
    )  # the third day is missing
    assert (steady.new_share, steady.gone_share) == (0, 0)
    assert pool.usual_new == pytest.approx(40 / 295)
    assert week.turnovers[0] is pool


def test_hostile_names_of_models_and_countries_are_cut_and_spelled_out(tmp_path: Path) -> None:
    runs = []
    for n in range(2):
        sent = [
            Sent("", range(1_000, 1_100), 2, "large-1"),
            Sent("c-1", range(60), 5, LONG if n else f"<b>{LONG}", LONG),
        ]
        runs.append(publish_day(tmp_path, MONDAY + timedelta(days=n), sent))
    report = read_report(MONDAY, MONDAY + timedelta(days=1), runs, {})
    (move,) = report.moves
    assert (move.model, move.from_model) == (LONG, f"<b>{LONG}")
    made = page(report)
    for text in (made, markdown(report), told(move)):
        assert "\x1b" not in text
        assert "W" * 50 not in text
    assert "<b>" not in made.replace('<b class="review">', "")


# -- words and pages -----------------------------------------------------------------------------------


def test_numbers_are_written_with_what_is_open() -> None:
    assert percent(Estimate(0.123, 0.123, 0.123)) == "12.3 %"
    assert percent(Estimate(0.123, 0.1, 0.15)) == "12.3 % (10.0–15.0)"
    assert percent(Estimate(0.00123, 0.001, 0.0015)) == "0.12 % (0.10–0.15)"
    assert percent(Estimate(float("nan"), 0, 1)) == part(None) == "–"
    assert amount(Estimate(1234, 1000, 1500.4)) == "1,234 (1,000–1,500)"
    assert amount(Estimate(80, 40, float("inf"))) == "80 (40–?)"
    assert days_in_words([MONDAY, SUNDAY]) == "2026-01-05, 2026-01-11"


def test_json_holds_every_row_and_no_number_that_is_none(hostile: Report) -> None:
    text = json.dumps(hostile.as_json(), allow_nan=False)
    assert json.loads(text)["largest"][0]["title"] == LONG
    assert json.loads(text)["days"][0]["day"] == "2026-01-05"
    assert bounds(hostile.days[0].accounts) == "55 (55–550)"


class Elements(HTMLParser):
    """A page as a browser splits it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_runs_nothing_and_loads_nothing(hostile: Report) -> None:
    made = page(hostile)
    elements = Elements(made)
    policies = [value for _, value in elements.attributes if value and value.startswith("default-src")]
    style = re.search(r"<style>(.*?)</style>", made, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(elements.tags)
    assert not {
        name for name, _ in elements.attributes if name in ("style", "src", "href") or name.startswith("on")
    }
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_hostile_titles_stay_text_on_the_page(hostile: Report) -> None:
    made = page(hostile)
    shown = safe_text(LONG, 90)
    assert html.escape(shown) in made
    assert shown in "".join(Elements(made).text)
    assert "W" * 100 not in made
    for character in "\x1b\x07\x9b\u202e\u2066\u200b":
        assert character not in made
        assert character not in markdown(hostile)


def test_each_chart_stands_beside_a_table_and_screen_readers_get_the_table(week: Report) -> None:
    made = page(week)
    assert made.count('class="bar') == made.count('aria-hidden="true"')
    assert made.count('role="img"') == 2  # the trend, wide and narrow
    for number, day in enumerate(week.days):
        assert f'<th role="rowheader" scope="row">{day.day}</th>' in made, number
    assert made.count("<th ") == made.count('scope="col"') + made.count('scope="row"')


def test_bars_and_lines_are_within_their_charts(hostile: Report) -> None:
    made = page(hostile)
    widths = [float(width) for width in re.findall(r'<rect width="([\d.]+)"', made)]
    assert widths
    assert all(0 <= width <= 100 for width in widths)
    assert made.count("<polyline") == 2 * 3 * 2  # two charts, three tiers, and a day that is missing between
    charts = re.findall(r'<svg class="lines \w+" viewBox="0 0 (\d+) (\d+)".*?>(.*?)</svg>', made, re.DOTALL)
    assert [width for width, _, _ in charts] == ["960", "360"]
    for width, height, drawn in charts:
        dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)
        assert len(dots) == 3 * len(hostile.days)
        assert all(0 < float(x) < int(width) and 0 < float(y) < int(height) for x, y in dots)


def test_markdown_shows_text_and_does_nothing(hostile: Report) -> None:
    made = markdown(hostile)
    columns = {line.count(" | ") for line in made.splitlines() if line.startswith("| 2026")}
    assert columns == {6}
    assert escaped("<b>|*_`[x](y)") == "&#60;b&#62;\\|\\*\\_\\`\\[x\\]\\(y\\)"
    assert "</script>" not in made
    assert escaped(LONG, 90) in made


@given(st.text())
def test_escaped_markdown_has_no_mark_left(text: str) -> None:
    made = escaped(text)
    assert not re.search(r"[<>\n\r\x00-\x1f\x7f-\x9f]", made)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|*_`\[\]()!#~]", re.sub(r"&#\d+;", "", made))


def test_a_run_made_by_hand_has_a_report(tmp_path: Path) -> None:
    run = publish_example(tmp_path)
    report = read_report(MONDAY, MONDAY, [run], {})
    assert report.prompts.value == 5
    assert [row.name for row in report.kinds["objective"]] == [Objective.GRADING.value]
    assert np.isnan(report.whole.token_share.value)
    assert safe_text(report.largest[0].title, 90) in "".join(Elements(page(report)).text)
