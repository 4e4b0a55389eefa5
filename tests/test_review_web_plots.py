"""Plots against plain formulas."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_examples import MONDAY

from accounts.signals.reading import Group
from campaigns.entries import CampaignDay, CampaignHistory
from campaigns.records import Objective, Tier
from review.evidence import Signal, Standing
from review.timeline import timeline
from review.web.plots import DAYS_WIDTH, FAR, STRIP_WIDTH, Scale, Strip, days_plot, hours_plot, strip

FIGURES = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))


def a_signal(value: float | None, controls: tuple[float, ...]) -> Signal:
    return Signal("made together", Group.REGISTRATION, value, controls, 0.01, "So.", Standing.SPEAKS)


def drawn(value: float, controls: tuple[float, ...]) -> Strip:
    found = strip(a_signal(value, controls))
    assert found is not None
    return found


@given(FIGURES, st.lists(FIGURES, min_size=21, max_size=21).map(sorted).map(tuple))
def test_places_of_a_strip_keep_the_order_of_the_figures(value: float, controls: tuple[float, ...]) -> None:
    plot = drawn(value, controls)
    figures = [controls[0], controls[5], controls[10], controls[15], controls[19], controls[20], value]
    places = [
        plot.least, plot.quarter, plot.median, plot.three_quarters, plot.p95, plot.most, plot.value
    ]  # fmt: skip
    assert all(0 <= place <= STRIP_WIDTH for place in places)
    by_figure = [place for _, place in sorted(zip(figures, places, strict=True))]
    assert by_figure == sorted(by_figure)
    if min(figures) < max(figures):
        assert (min(places), max(places)) == (0, STRIP_WIDTH)


def test_near_values_are_drawn_to_scale() -> None:
    controls = tuple(float(n) for n in range(21))
    plot = drawn(40.0, controls)
    assert plot.scale == Scale.LINEAR
    places = (plot.least, plot.quarter, plot.median, plot.three_quarters, plot.p95, plot.most, plot.value)
    expected = [np.interp(x, [0, 40], [0, STRIP_WIDTH]) for x in (0, 5, 10, 15, 19, 20, 40)]
    assert places == pytest.approx(expected, abs=0.05)


def test_far_values_are_drawn_by_the_logarithm_of_their_distance_from_the_median() -> None:
    controls = tuple(float(n) for n in range(21))
    nine_tenths = controls[19] - controls[1]
    far = 10 * FAR * nine_tenths
    plot = drawn(far, controls)
    assert plot.scale == Scale.LOG

    def stretched(x: float) -> float:
        return math.asinh((x - 10) / (nine_tenths / 2))

    whole = stretched(far) - stretched(0)
    assert plot.p95 == pytest.approx(STRIP_WIDTH * (stretched(19) - stretched(0)) / whole, abs=0.05)
    assert plot.p95 - plot.least > STRIP_WIDTH / 10 > STRIP_WIDTH * nine_tenths / far


def test_a_value_that_all_controls_have_stands_in_the_middle_with_them() -> None:
    plot = drawn(0.0, (0.0,) * 21)
    assert {plot.least, plot.median, plot.most, plot.value} == {STRIP_WIDTH / 2}


def test_without_controls_or_a_value_there_is_nothing_to_draw() -> None:
    assert strip(a_signal(1.0, ())) is None
    assert strip(a_signal(None, (0.0,) * 21)) is None


def test_a_strip_says_in_words_what_it_shows() -> None:
    plot = drawn(36.0, tuple(float(n) for n in range(21)))
    assert plot.words == "Value 36. Controls from 0 to 20, median 10, 95 in 100 below 19."


@pytest.mark.parametrize(("value", "own"), [(0.0, ["0"]), (40.0, ["40"]), (20.0, ["20"])])
def test_the_value_is_told_once_among_the_figures(value: float, own: list[str]) -> None:
    controls = tuple(float(n) for n in range(0, 42, 2))
    assert [one.text for one in drawn(value, controls).figures if one.is_value] == own


def history(seen: dict[int, tuple[int, int]], published: list[int], last: int) -> CampaignHistory:
    """
    Args:
        seen: (prompts, accounts) by the number of the day.
    """

    def day(number: int) -> date:
        return MONDAY + timedelta(days=number)

    days = tuple(
        CampaignDay(
            campaign_id="c1", day=day(number), run_id="r", n_prompts=prompts, n_accounts=accounts, tier=Tier.REVIEW,
            score=0.5, title="", objective=Objective.CODE, template="",
        )
        for number, (prompts, accounts) in sorted(seen.items())
    )  # fmt: skip
    return CampaignHistory(
        campaign_id="c1",
        first_day=MONDAY,
        last_day=day(last),
        state="open",
        days=days,
        lineage=(),
        published=tuple(map(day, published)),
    )


def test_bars_of_days_are_as_high_as_their_counts_and_gaps_are_told_apart() -> None:
    plot = days_plot(timeline(history({0: (100, 10), 3: (50, 20)}, [0, 1, 3], 3)))
    assert [mark.tier for mark in plot.marks] == [Tier.REVIEW, None, None, Tier.REVIEW]
    assert [mark.published for mark in plot.marks] == [True, True, False, True]
    assert [mark.prompts / plot.panel for mark in plot.marks] == [1, 0, 0, 0.5]
    assert [mark.accounts / plot.panel for mark in plot.marks] == [0.5, 0, 0, 1]
    assert (plot.most_prompts, plot.most_accounts) == (100, 20)


@pytest.mark.parametrize("last", [0, 1, 30, 400, 2_000])
def test_however_many_days_they_fit(last: int) -> None:
    plot = days_plot(timeline(history({0: (1, 1), last: (1_000, 1)}, [0, last], last)))
    assert len(plot.marks) == last + 1
    assert plot.width <= DAYS_WIDTH
    assert plot.marks[-1].x + plot.bar <= plot.width + 1
    assert plot.marks[0].prompts >= 1  # a thousandth of the largest is still to be seen
    assert plot.ticks[0].label == "01-05"
    assert all(b.x - a.x >= 30 for a, b in zip(plot.ticks, plot.ticks[1:], strict=False))


def test_hours_are_as_high_as_their_counts() -> None:
    bars = hours_plot([0] * 12 + [4] + [0] * 10 + [2])
    assert [(bar.hour, bar.height) for bar in bars if bar.n_prompts] == [(12, 48), (23, 24)]
    assert {bar.height for bar in hours_plot([0] * 24)} == {0}
