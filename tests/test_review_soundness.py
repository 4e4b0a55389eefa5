from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from run_examples import HOSTILE, publish_example
from store_examples import MONDAY, TUESDAY, a_run

from campaigns.audit import Anchor
from campaigns.runs import open_run
from review.anchors import noted_anchors
from review.soundness import HEALTH, accepted, canary_history, held_back, missing_days

CHECKS = [
    {"name": "noise share", "failed": True, "sentence": f"too much noise {HOSTILE}"},
    {"name": "prompt drift", "failed": False, "sentence": "as usual"},
]


@given(st.sets(st.integers(0, 400), min_size=1))
def test_missing_and_published_days_are_the_calendar_from_the_first_to_the_last(places: set[int]) -> None:
    days = [MONDAY + timedelta(days=place) for place in sorted(places)]
    missing = missing_days(days)
    assert sorted([*days, *missing]) == [
        days[0] + timedelta(days=n) for n in range((days[-1] - days[0]).days + 1)
    ]
    assert not set(days) & set(missing)


def test_no_day_is_missing_where_none_is_published() -> None:
    assert missing_days([]) == []


def test_a_run_that_the_gate_stopped_is_held_back_until_it_is_complete(tmp_path: Path) -> None:
    run = open_run(tmp_path, TUESDAY, "f1")
    assert held_back(tmp_path, set()) == []
    (run.path / HEALTH).write_text(json.dumps(CHECKS))
    (found,) = held_back(tmp_path, set())
    assert (found.day, found.run_id) == (TUESDAY, run.run_id)
    assert found.failed == (CHECKS[0]["sentence"],)
    (run.path / "manifest.json").write_text("{}")
    assert held_back(tmp_path, set()) == []


def test_an_accepted_run_says_by_whom_and_why() -> None:
    run = a_run()
    assert accepted(run) is None
    run.counts.update({"health.failed": "noise share", "health.accepted_by": "ada"})
    found = accepted(run)
    assert found is not None
    assert (found.failed, found.by, found.reason) == ("noise share", "ada", None)


def test_canaries_have_a_history_of_the_days_they_were_planted_on() -> None:
    first, second = a_run(MONDAY), a_run(TUESDAY)
    first.counts["canary.exact"] = 0.5
    second.counts.update({"canary.exact": 1.0, "canary.long": 0.25})
    assert canary_history([first, second]) == {
        "exact": {MONDAY: 0.5, TUESDAY: 1.0},
        "long": {TUESDAY: 0.25},
    }


def test_anchors_are_those_of_the_manifests_that_are_there(tmp_path: Path) -> None:
    run = publish_example(tmp_path)
    entry, gone = a_run(MONDAY), a_run(date(2026, 2, 2))
    assert noted_anchors(tmp_path, [entry, gone]) == ()
    path = run.path / "manifest.json"
    noted = json.loads(path.read_bytes()) | {"audit": {"sequence": 7, "mac": "ab"}}
    path.write_text(json.dumps(noted))
    assert noted_anchors(tmp_path, [entry, gone]) == (Anchor(7, "ab", f"the run {run.run_id}"),)
