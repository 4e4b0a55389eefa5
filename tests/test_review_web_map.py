from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_examples import GRADES, HOSTILE, LEDGER
from store_examples import MONDAY, NOON
from web_examples import opened, page_example

from benchmarks.map_server import DAY, mark, picture
from campaigns.display import safe_text
from campaigns.entries import CampaignSummary, Decision, Verdict
from campaigns.records import Objective, Tier
from campaigns.sessions import Role
from review.map import DARK, LIGHT, SHAPES, Picture
from review.web.map_points import COLUMNS, HEADER, MAGIC, campaigns, points


def decoded(sent: bytes) -> tuple[dict[str, int], dict[str, np.ndarray]]:
    """(header, columns), read by the description alone."""
    magic, n, n_open, left_out = HEADER.unpack_from(sent)
    assert magic == MAGIC
    assert len(sent) == HEADER.size + 4 * n * len(COLUMNS)
    columns = {
        name: np.frombuffer(sent, kind, n, HEADER.size + 4 * n * place)
        for place, (name, kind) in enumerate(COLUMNS)
    }
    return {"n": n, "open": n_open, "left_out": left_out}, columns


def known(name: str, first_days_ago: int) -> CampaignSummary:
    return CampaignSummary(
        campaign_id=name,
        day=DAY,
        run_id=f"{DAY}.1",
        n_prompts=1,
        n_accounts=1,
        tier=Tier.REVIEW,
        score=0.5,
        title="",
        objective=Objective.UNCLEAR,
        template="",
        operator_id=None,
        first_day=DAY - timedelta(days=first_days_ago),
        last_day=DAY,
        state="open",
    )


def decided(name: str, verdict: Verdict) -> Decision:
    return Decision(
        id=1,
        campaign_id=name,
        day=DAY,
        run_id=f"{DAY}.1",
        verdict=verdict,
        reason="seen",
        author="ana",
        created_at=NOON,
    )


def with_title(title: str) -> Picture:
    shown = picture(1, 1)
    return replace(shown, marks=(mark(0, 5, title),))


# -- points --------------------------------------------------------------------------------------------


@given(n=st.integers(0, 60), n_campaigns=st.integers(0, 20), seed=st.integers(0, 99))
def test_every_point_comes_back_with_all_its_columns(n: int, n_campaigns: int, seed: int) -> None:
    shown = replace(picture(n, min(n, n_campaigns), seed), left_out=seed)
    header, columns = decoded(points(shown))
    sent = sorted(zip(*(columns[name].tolist() for name, _ in COLUMNS), strict=True))
    given_ = zip(
        shown.x.astype("f4").tolist(),
        shown.y.astype("f4").tolist(),
        shown.radius.astype("f4").tolist(),
        shown.campaign.tolist(),
        shown.n_prompts.tolist(),
        shown.n_accounts.tolist(),
        strict=True,
    )
    assert sent == sorted(given_)
    assert header == {"n": n, "open": n - min(n, n_campaigns), "left_out": seed}


def test_open_points_come_first_and_small_marks_after_the_large_ones_they_may_lie_on() -> None:
    header, columns = decoded(points(picture(500, 40)))
    inside = columns["campaign"] >= 0
    assert header["open"] == 460
    assert not inside[:460].any()
    assert inside[460:].all()
    assert (np.diff(columns["prompts"][:460].astype(int)) <= 0).all()
    assert (np.diff(columns["prompts"][460:].astype(int)) <= 0).all()


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert points(picture(300, 12)) == points(picture(300, 12))


def test_a_count_that_is_too_large_is_sent_as_the_largest() -> None:
    shown = replace(picture(2, 1), n_prompts=np.array([2**40, 3]), n_accounts=np.array([2**32, 1]))
    _, columns = decoded(points(shown))
    assert columns["prompts"].tolist() == [3, 2**32 - 1]
    assert columns["accounts"].tolist() == [1, 2**32 - 1]


# -- campaigns -----------------------------------------------------------------------------------------


def test_campaigns_say_what_they_are_since_when_and_what_was_decided() -> None:
    shown = picture(5, 3)
    first, second, third = (one.campaign_id for one in shown.marks)
    about = campaigns(
        shown,
        {first: known(first, 0), second: known(second, 9)},
        {second: decided(second, Verdict.CONFIRMED)},
    )
    assert [c["id"] for c in about["campaigns"]] == [first, second, third]
    assert [c["ageDays"] for c in about["campaigns"]] == [0, 9, None]
    assert [c["verdict"] for c in about["campaigns"]] == [None, "confirmed", None]
    assert about["campaigns"][1]["firstDay"] == "2025-12-29"
    assert about["campaigns"][1]["lastDay"] == "2026-01-07"
    assert [c["tier"] for c in about["campaigns"]] == ["actionable", "review", "benign"]
    assert about["campaigns"][0]["prompts"] == shown.n_prompts[0]
    assert (about["day"], about["palette"], about["shapes"]) == (
        "2026-01-07",
        {"light": LIGHT, "dark": DARK},
        SHAPES,
    )


@pytest.mark.parametrize("title", [HOSTILE, "<img src=x onerror=alert(1)>", "\ud800", "a" * 5_000])
def test_titles_hold_nothing_unseen_and_are_cut(title: str) -> None:
    sent = json.dumps(campaigns(with_title(title), {}, {}))
    (c,) = json.loads(sent)["campaigns"]
    assert c["title"] == safe_text(title, 90)
    assert c["title"].isprintable()
    assert len(c["title"]) <= 90


# -- served --------------------------------------------------------------------------------------------


def test_the_server_hands_out_the_page_its_points_and_what_was_decided_of_late(tmp_path: Path) -> None:
    page_example(tmp_path)
    with opened(tmp_path, Role.VIEWER) as desk:
        assert desk.client.get("/map").headers["location"] == f"/map/{MONDAY}"
        assert f'data-points="/map/{MONDAY}/points"' in desk.text(f"/map/{MONDAY}")
        sent = desk.client.get(f"/map/{MONDAY}/points")
        assert sent.headers["content-type"] == "application/octet-stream"
        header, columns = decoded(sent.content)
        assert header == {"n": 6, "open": 3, "left_out": 0}
        assert columns["prompts"].tolist() == [3, 2, 1, 6, 5, 4]
        desk.store.decide(GRADES, Verdict.WATCH, reason="seen", author="ana")
        about = desk.client.get(f"/map/{MONDAY}/campaigns").json()
        assert [(c["id"], c["ageDays"], c["verdict"]) for c in about["campaigns"]] == [
            (GRADES, 0, "watch"),
            (LEDGER, 0, None),
        ]
