"""The allow-list: entries, and dismissals that stand, each until it ends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from people_examples import SAID
from store_examples import MONDAY, NOON, TUESDAY, a_campaign, a_run, publish_now

from campaigns.allow import allow, disallow
from campaigns.entries import AllowEntry, AllowKind, Decision, Verdict
from campaigns.errors import UsageError
from campaigns.store import Store

TODAY = NOON.date()
WEEK = timedelta(days=7)


@pytest.fixture
def known(store: Store) -> Store:
    publish_now(store, a_run(), [a_campaign("c1"), a_campaign("c2")])
    return store


def dismiss(store: Store, until: date | None = None, name: str = "c1") -> Decision:
    return store.decide(name, Verdict.DISMISSED, expires_on=until, **SAID)


def listed(store: Store, day: date | None = None) -> list[tuple[str, int | None, int | None]]:
    entries = store.allow_list() if day is None else store.allowed(day)
    return [(one.value, one.id, one.decision_id) for one in entries]


def test_a_dismissal_is_an_entry(known: Store) -> None:
    made = dismiss(known, TODAY + WEEK)
    assert known.allow_list() == [
        AllowEntry(
            id=None,
            kind=AllowKind.CAMPAIGN,
            value="c1",
            reason="dealt-out slots",
            author="ada",
            created_at=NOON,
            expires_on=TODAY + WEEK,
            decision_id=made.id,
        )
    ]


def test_it_holds_to_the_end_of_its_last_day(known: Store) -> None:
    made = dismiss(known, TODAY + WEEK)
    entry = [("c1", None, made.id)]
    # It speaks for earlier days too, which may be run again.
    for day in (MONDAY, TODAY, TODAY + WEEK):
        assert listed(known, day) == entry
    assert listed(known, TODAY + WEEK + timedelta(days=1)) == []
    assert listed(known) == entry  # the whole list has what is over, too
    assert known.standing()["c1"] == made


def test_one_without_a_last_day_does_not_end(known: Store) -> None:
    made = dismiss(known)
    assert listed(known, date(2999, 1, 1)) == [("c1", None, made.id)]


def test_a_dismissal_ends_when_it_is_undone_and_comes_back_with_the_one_before(known: Store) -> None:
    first = dismiss(known, TODAY + WEEK)
    second = dismiss(known, TODAY + 2 * WEEK)
    assert listed(known) == [("c1", None, second.id)]
    known.undo(second.id, **SAID)
    assert listed(known) == [("c1", None, first.id)]
    known.undo(first.id, **SAID)
    assert listed(known) == []


@pytest.mark.parametrize("verdict", [Verdict.CONFIRMED, Verdict.WATCH])
def test_a_dismissal_ends_when_another_decision_replaces_it(known: Store, verdict: Verdict) -> None:
    made = dismiss(known)
    other = dismiss(known, name="c2")
    later = known.decide("c1", verdict, **SAID)
    assert listed(known) == [("c2", None, other.id)]
    known.undo(later.id, **SAID)
    assert sorted(listed(known)) == [("c1", None, made.id), ("c2", None, other.id)]


def test_a_dismissal_outlives_the_days_of_its_campaign(known: Store) -> None:
    made = dismiss(known)
    publish_now(known, a_run(MONDAY, 2), [])
    assert known.campaigns() == []
    assert listed(known, TUESDAY) == [("c1", None, made.id)]


def test_entries_come_before_dismissals_and_are_removed_by_number_alone(known: Store) -> None:
    dismissal = dismiss(known)
    with known.writing() as session:
        entry = allow(session, AllowKind.CAMPAIGN, "c1", expires_on=TODAY, **SAID)
    assert listed(known) == [("c1", entry.id, None), ("c1", None, dismissal.id)]
    assert [one.name for one in known.allow_list()] == [str(entry.id), f"decision {dismissal.id}"]
    assert listed(known, TODAY + WEEK) == [("c1", None, dismissal.id)]
    with known.writing() as session:
        disallow(session, entry.id, author="ada")
    assert listed(known) == [("c1", None, dismissal.id)]
    with pytest.raises(UsageError, match=f"no allow-list entry {entry.id}") as gone:
        known.remove_allow(entry.id, author="ada")
    assert "undo the decision" in gone.value.hint


def test_an_entry_says_who_and_why_and_of_what(known: Store) -> None:
    for missing in ("value", "reason", "author"):
        said = {"value": "org-1", "reason": "r", "author": "ada", missing: " \n"}
        with (
            pytest.raises(UsageError, match=f"an allow-list entry needs {missing}"),
            known.writing() as session,
        ):
            allow(session, AllowKind.ORGANIZATION, **said)
    with pytest.raises(UsageError, match="needs author"):
        known.remove_allow(
            known.add_allow(AllowKind.ORGANIZATION, "o", reason="r", author="a").id, author=" "
        )
    assert [one.value for one in known.allow_list()] == ["o"]


def test_values_of_any_length_can_be_kept(store: Store) -> None:
    long = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(5_000)) + "\x00\ud800"
    store.add_allow(AllowKind.ORGANIZATION, long, reason="r", author="ada")
    assert [one.value for one in store.allow_list()] == [
        long.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    ]
    assert store.verify() == []
