"""What people call campaigns holds over runs, until they say otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from people_examples import SAID
from store_examples import MONDAY, NOON, TUESDAY, a_campaign, a_run, publish_now

from campaigns.entries import CampaignSummary
from campaigns.errors import UsageError
from campaigns.labels import MOST_CHARACTERS, Label, relabel, standing_labels
from campaigns.records import Objective
from campaigns.store import Store


@pytest.fixture
def known(store: Store) -> Store:
    publish_now(store, a_run(), [a_campaign("c1"), a_campaign("c2")])
    return store


def say(store: Store, title: str | None = None, objective: Objective | None = None, **changed: Any) -> Label:
    with store.writing() as session:
        return relabel(session, "c1", title=title, objective=objective, **SAID | changed)


def called(store: Store, name: str = "c1") -> tuple[str, str, bool]:
    (found,) = [one for one in store.campaigns() if one.campaign_id == name]
    return found.title, found.objective, found.labelled


def test_a_label_is_read_back_and_seen_at_once(known: Store) -> None:
    made = say(known, "  Month-end\n books ", Objective.CODE)
    assert made == Label(
        id=made.id,
        campaign_id="c1",
        title="Month-end books",
        objective=Objective.CODE,
        reason="dealt-out slots",
        author="ada",
        created_at=NOON,
    )
    assert called(known) == ("Month-end books", "code", True)
    assert called(known, "c2") == ("Grades essays", "grading and reward data", False)
    with known.reading() as session:
        assert standing_labels(session) == {"c1": made}


def test_the_latest_label_stands_as_a_whole(known: Store) -> None:
    say(known, "First")
    assert called(known) == ("First", "grading and reward data", True)
    say(known, None, Objective.CODE)
    assert called(known) == ("Grades essays", "code", True)
    say(known)
    assert called(known) == ("Grades essays", "grading and reward data", False)
    with known.reading() as session:
        assert standing_labels(session) == {}


def test_a_label_holds_over_runs_and_over_days_without_the_campaign(known: Store) -> None:
    say(known, "Called so")
    publish_now(known, a_run(TUESDAY), [a_campaign("c1", title="Found otherwise")])
    assert called(known) == ("Called so", "grading and reward data", True)
    publish_now(known, a_run(TUESDAY, 2), [])
    publish_now(known, a_run(MONDAY, 2), [])
    assert known.campaigns() == []
    publish_now(known, a_run(TUESDAY, 3), [a_campaign("c1", title="Found anew")])
    assert called(known) == ("Called so", "grading and reward data", True)
    say(known)
    assert called(known) == ("Found anew", "grading and reward data", False)


def test_every_day_of_a_campaign_is_called_what_people_call_it(known: Store) -> None:
    publish_now(known, a_run(TUESDAY), [a_campaign("c1", title="Tuesday's")])
    say(known, "Called so")
    on_days: list[CampaignSummary] = [known.campaigns(day)[0] for day in (MONDAY, TUESDAY)]
    assert [one.title for one in on_days] == ["Called so", "Called so"]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"title": " \n"}, "a label needs a title"),
        ({"title": "x" * (MOST_CHARACTERS + 1)}, "longer than 200 characters"),
        ({"title": "t", "reason": " "}, "a label needs reason"),
        ({"title": "t", "author": ""}, "a label needs author"),
    ],
)
def test_what_cannot_be_a_label(known: Store, changed: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        say(known, **changed)
    with pytest.raises(UsageError, match="no campaign 'c9'"), known.writing() as session:
        relabel(session, "c9", title="t", objective=None, **SAID)
    assert called(known) == ("Grades essays", "grading and reward data", False)
    assert known.audit_head().sequence == 0


def test_hostile_titles_can_be_kept(known: Store) -> None:
    assert say(known, "\x00\ud800\u202e'; -- <b>").title == "\ufffd\ufffd\u202e'; -- <b>"
    assert called(known)[0] == "\ufffd\ufffd\u202e'; -- <b>"
    assert say(known, "x" * MOST_CHARACTERS).title == "x" * MOST_CHARACTERS
