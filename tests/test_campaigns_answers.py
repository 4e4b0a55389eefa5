"""People say that a campaign is an older one gone on; the runs to come know the older one by both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from store_examples import MONDAY, NOON, TUESDAY, WEDNESDAY, a_campaign, a_run, a_wording, publish_now

from campaigns.entries import CampaignRecord, Event, KnownCampaign, Lineage
from campaigns.errors import UsageError
from campaigns.store import Store

THURSDAY = WEDNESDAY + timedelta(days=1)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """`old` on Monday, `new` on Tuesday, which possibly continues it, `third` on Wednesday."""
    asked = Lineage(
        event=Event.POSSIBLY_CONTINUES, reason="the same accounts", figures={"shared": 7}, other_id="old"
    )
    with Store.open_url(store_url) as opened:
        publish_now(
            opened, a_run(MONDAY), [replace(a_campaign("old"), wordings=(a_wording(1), a_wording(2, 1)))]
        )
        newer = replace(a_campaign("new"), wordings=(a_wording(5, 0),), lineage=(asked,))
        publish_now(opened, a_run(TUESDAY), [newer])
        publish_now(opened, a_run(WEDNESDAY), [a_campaign("third", feature=9)])
        yield opened


def say(store: Store, newer: str, older: str, *, same: bool = True) -> None:
    store.answer(newer, older, same=same, reason="the same topics", author="ada", clock=lambda: NOON)


def known(store: Store, before: date = THURSDAY) -> dict[str, KnownCampaign]:
    return {one.campaign_id: one for one in store.known_campaigns(before, latest_days=3)}


def test_a_question_is_open_until_somebody_answers(store: Store) -> None:
    (question,) = store.questions()
    assert (question.campaign_id, question.other_id, question.day) == ("new", "old", TUESDAY)
    say(store, "new", "old", same=False)
    assert store.questions() == []
    assert store.answers()["new"].same is False


def test_two_known_campaigns_that_accounts_join_are_one_question(store: Store) -> None:
    """Each names the other on every such day; the newer one is asked about, on the latest of them."""

    def joined(name: str, other: str) -> CampaignRecord:
        why = Lineage(event=Event.KEPT, reason="only a person may", figures={}, other_id=other)
        return replace(a_campaign(name, feature=ord(name[0])), lineage=(why,))

    say(store, "new", "old", same=False)
    for day in (THURSDAY, THURSDAY + timedelta(days=1)):
        publish_now(store, a_run(day), [joined("old", "third"), joined("third", "old")])
    (question,) = store.questions()
    assert (question.campaign_id, question.other_id) == ("third", "old")
    assert question.day == THURSDAY + timedelta(days=1)
    assert [one.campaign_id for name in ("old", "third") for one in store.campaign(name).related] == ["new"]
    say(store, "third", "old", same=False)
    assert store.questions() == []


def test_the_older_campaign_is_known_by_both(store: Store) -> None:
    say(store, "new", "old")
    old, new = known(store)["old"], known(store)["new"]
    assert [(one.variant, int(one.features[0]), one.day) for one in old.wordings] == [
        (0, 1, MONDAY),
        (1, 2, MONDAY),
        (2, 5, TUESDAY),
    ]
    assert (old.last_day, old.first_free, old.merged_into) == (TUESDAY, 3, None)
    assert old.runs == ("runs/2026-01-06/1", "runs/2026-01-05/1")
    assert new.merged_into == "old"
    assert known(store, TUESDAY)["old"].last_day == MONDAY  # before the newer one was there


def test_the_latest_answer_stands(store: Store) -> None:
    say(store, "new", "old")
    assert {one.campaign_id: one.state for one in store.campaigns()}["new"] == "merged"
    publish_now(store, a_run(THURSDAY), [a_campaign("third", feature=9)])
    assert {one.campaign_id: one.state for one in store.campaigns()}["new"] == "merged"
    say(store, "new", "old", same=False)
    assert known(store)["new"].merged_into is None
    assert len(known(store)["old"].wordings) == 2
    assert {one.campaign_id: one.state for one in store.campaigns()}["new"] == "open"


def test_answers_follow_each_other(store: Store) -> None:
    say(store, "third", "new")
    say(store, "new", "old")
    assert [int(one.features[0]) for one in known(store)["old"].wordings] == [1, 2, 5, 9]
    assert known(store)["third"].merged_into == "new"


@pytest.mark.parametrize(
    ("newer", "older", "reason", "message"),
    [
        ("nobody", "old", "x", "no campaign 'nobody'"),
        ("new", "nobody", "x", "no campaign 'nobody'"),
        ("new", "new", "x", "new is new already"),
        ("old", "third", "x", "third is old already"),
        ("new", "old", " ", "an answer needs reason"),
    ],
)
def test_what_cannot_be_said(store: Store, newer: str, older: str, reason: str, message: str) -> None:
    say(store, "third", "old")
    with pytest.raises(UsageError, match=message):
        store.answer(newer, older, same=True, reason=reason, author="ada")
    assert set(store.answers()) == {"third"}
