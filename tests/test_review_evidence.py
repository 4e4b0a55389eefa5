"""The evidence for eyes: sorted, weighed as the tiers weigh it, and drawn."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from run_examples import GRADES, HOSTILE, LEDGER, publish_example

from accounts.combine import cauchy
from accounts.signals import infrastructure, lifetimes, registration, timing
from accounts.signals.content import Slots, read_content
from accounts.signals.reading import Group
from campaigns.records import Tier
from campaigns.runs import Run
from review.evidence import (
    COUNTED,
    ORDER,
    PHRASES,
    Sheet,
    Signal,
    Standing,
    Weight,
    chance,
    figure,
    read_sheet,
)
from review.evidence_image import drawn, write_picture

PAGE = Path(__file__).parent.parent / "docs" / "evidence.md"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return publish_example(tmp_path_factory.mktemp("home"))


def sheet_of(run: Run, campaign_id: str) -> Sheet:
    rows = run.table("campaigns").to_pylist()
    return read_sheet(run, next(row for row in rows if row["campaign_id"] == campaign_id))


def made(n_signals: int, title: str = "Grade this essay") -> Sheet:
    """A campaign with so many signals, in turn far out, inside and where all controls are the same."""
    groups = list(ORDER)
    signals = []
    for number in range(n_signals):
        spread = 0.0 if number % 3 == 2 else 0.01
        value, p_value = ((0.9, 0.0002), (0.1, 0.4), (0.0, 1.0))[number % 3]
        signals.append(
            Signal(
                name=f"signal {number}",
                group=groups[number * len(groups) // n_signals],
                value=value,
                controls=tuple(spread * step for step in range(21)),
                p_value=p_value,
                sentence=f"{number + 3} of 46 accounts share one thing; among as many ordinary ones {number} do. "
                * 2,
                standing=Standing.SPEAKS if p_value < 0.01 else Standing.SILENT,
            )
        )
    return Sheet(
        campaign_id=GRADES,
        title=title,
        tier=Tier.REVIEW,
        day=date(2026, 1, 5),
        n_prompts=138,
        n_accounts=46,
        signals=tuple(signals),
        weights=tuple(Weight(group, 2, 0.0002, speaks=True) for group in COUNTED),
        together=0.0004,
        q_value=0.001,
        n_campaigns=21,
        reasons=("Not actionable: something is missing.",),
        needed=2,
        speaks_at=0.01,
        q_at=0.01,
    )


# -- what is sorted and weighed ------------------------------------------------------------------------


def test_every_group_has_its_place_and_its_words() -> None:
    assert sorted(ORDER) == sorted(PHRASES) == sorted(Group)


@pytest.mark.parametrize(
    ("p_value", "said"),
    [
        (None, ""),
        (0.0, "under 1 in 1,000,000"),
        (1e-6, "1 in 1,000,000"),
        (0.0002, "1 in 5,000"),
        (0.0016, "1 in 620"),
        (0.0262, "1 in 38"),
        (0.1, "1 in 10"),
        (0.3844, "38 in 100"),
        (0.5, "over 50 in 100"),
        (1.0, "over 50 in 100"),
    ],
)
def test_chances_are_said_for_people(p_value: float | None, said: str) -> None:
    assert chance(p_value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(None, ""), (0.8261, "0.826"), (0.0, "0"), (58.0, "58"), (1364.0, "1,364")]
)
def test_figures_have_three_digits(value: float | None, said: str) -> None:
    assert figure(value) == said


def test_signals_are_sorted_by_what_they_say(run: Run) -> None:
    sheet = sheet_of(run, GRADES)
    assert {one.name: one.standing for one in sheet.signals} == {
        "made together": Standing.SPEAKS,
        "shared clock": Standing.SILENT,
        "synchrony": Standing.UNTESTED,
        "slot uniqueness": Standing.TEXTS,
    }
    assert [one.group for one in sheet.signals] == ["registration", "timing", "timing", "content"]
    assert sheet.of(Standing.SPEAKS)[0].control_median == 0.1
    assert sheet.of(Standing.UNTESTED)[0].why_untested == HOSTILE


def test_groups_and_the_day_are_put_together_as_the_tiers_do(run: Run) -> None:
    sheet = sheet_of(run, GRADES)
    registration, infrastructure, timing, evenness, graph = sheet.weights
    assert (registration.p_value, registration.n_tested, registration.speaks) == (
        pytest.approx(0.0002),
        1,
        True,
    )
    assert (timing.p_value, timing.n_tested, timing.speaks) == (pytest.approx(0.4), 1, False)
    assert [one.p_value for one in (infrastructure, evenness, graph)] == [None, None, None]
    together = float(cauchy(np.array([0.0002, 0.4])))
    assert sheet.together == pytest.approx(together)
    # Two campaigns of the day: the least likely one counts twice.
    assert sheet.q_value == pytest.approx(2 * together)
    assert sheet_of(run, LEDGER).q_value == pytest.approx(0.3)
    assert sheet.n_campaigns == 2


def test_what_is_missing_and_what_explains_comes_from_the_reasons(run: Run) -> None:
    assert sheet_of(run, GRADES).missing == [f"{HOSTILE}."]
    assert sheet_of(run, GRADES).explained == []
    assert f"Because of {HOSTILE}." in sheet_of(run, LEDGER).explained


# -- what is drawn -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_signals", [1, 6, 16])
def test_a_picture_is_whole_and_small(tmp_path: Path, n_signals: int) -> None:
    path = tmp_path / "evidence.png"
    write_picture(made(n_signals), path)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width == 1_100
    assert height > 50 * n_signals
    assert len(data) < 300_000
    assert [file.name for file in tmp_path.iterdir()] == ["evidence.png"]


def texts(path: Path) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.parse(path).iter(f"{SVG}text")]  # noqa: S314 our own


def test_a_drawing_holds_every_signal_that_was_tested_and_names_the_others(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "evidence.svg"
    sheet = sheet_of(run, GRADES)
    assert [one.name for one in drawn(sheet)] == ["made together", "shared clock"]
    write_picture(sheet, path)
    found = texts(path)
    assert {"made together", "1 in 5,000", "0.8", "shared clock", "40 in 100"} <= set(found)
    assert "Described, not tested: slot uniqueness. Could not be tested: synchrony." in found


def test_hostile_text_is_drawn_as_plain_characters(tmp_path: Path) -> None:
    path = tmp_path / "evidence.svg"
    write_picture(made(3, title=HOSTILE), path)
    tree = ElementTree.parse(path)  # noqa: S314 our own
    assert {element.tag.removeprefix(SVG) for element in tree.iter()}.isdisjoint({"script", "a", "image"})
    (title,) = [text for text in texts(path) if "</script>" in text]
    assert "$x$" in title
    assert "漢" not in title  # the font lacks it
    assert title.isprintable()
    write_picture(made(3, title=HOSTILE), tmp_path / "evidence.png")


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_evidence_gives_the_same_picture(tmp_path: Path, ending: str) -> None:
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    write_picture(made(4), first)
    write_picture(made(4), second)
    assert first.read_bytes() == second.read_bytes()


def test_a_signal_or_a_campaign_without_controls_is_drawn_too(tmp_path: Path) -> None:
    write_picture(made(0), tmp_path / "nothing.png")
    assert (tmp_path / "nothing.png").stat().st_size > 1_000
    sheet = made(2)
    computed = replace(sheet.signals[0], controls=())
    write_picture(replace(sheet, signals=(computed, *sheet.signals[1:])), tmp_path / "evidence.svg")
    found = texts(tmp_path / "evidence.svg")
    assert {"signal 0", "computed by formula: no controls to draw", "1 in 5,000"} <= set(found)


# -- what is explained ---------------------------------------------------------------------------------


def test_the_page_explains_every_signal_and_group() -> None:
    text = PAGE.read_text(encoding="utf-8")
    described = [one.signal for one in read_content(Slots(1.0, 0.0, 0.0, 9.0, 0.5, 1.0, 1))]
    alone = ["slot topics", "evasion marks", "evenness", "other traffic", "shared accounts", "met before"]
    names = [*described, *alone, *(name for name, *_ in infrastructure.SIGNALS)]
    names += [*registration.SIGNALS, *timing.SIGNALS, *lifetimes.SIGNALS]
    assert len(names) == 20
    assert [name for name in names if f"**{name}**" not in text] == []
    assert [group for group in PHRASES if f"| {group} |" not in text] == []
