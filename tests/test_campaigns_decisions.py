"""Decisions: only added, taken back by rows of their own, still there when a day is done again."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError as Refused
from store_examples import MONDAY, NOON, TUESDAY, WEDNESDAY, a_campaign, a_run, publish_now

from campaigns.decisions import record
from campaigns.entries import Decision, Verdict
from campaigns.errors import UsageError
from campaigns.store import Store


@pytest.fixture
def known(store: Store) -> Store:
    """c1 on Monday and Tuesday, c2 on Monday."""
    publish_now(store, a_run(MONDAY), [a_campaign("c1"), a_campaign("c2")])
    publish_now(store, a_run(TUESDAY), [a_campaign("c1")])
    return store


def confirm(store: Store, campaign_id: str = "c1", verdict: Verdict = Verdict.CONFIRMED) -> Decision:
    return store.decide(campaign_id, verdict, reason="dealt-out slots", author="ada")


def test_a_decision_is_read_back_as_it_was_made(known: Store) -> None:
    made = known.decide(
        "c1",
        Verdict.DISMISSED,
        reason=" a course\n",
        author="\tada ",
        day=MONDAY,
        clock=lambda: NOON,
    )
    assert made == Decision(
        id=made.id,
        campaign_id="c1",
        day=MONDAY,
        run_id="2026-01-05.1",
        verdict=Verdict.DISMISSED,
        reason="a course",
        author="ada",
        created_at=NOON,
        undoes=None,
    )
    assert known.decisions() == known.decisions("c1") == [made]
    assert known.decisions("c2") == []
    assert known.standing() == {"c1": made}


def test_the_day_is_the_latest_unless_told(known: Store) -> None:
    assert (confirm(known).day, confirm(known).run_id) == (TUESDAY, "2026-01-06.1")
    assert confirm(known, "c2").day == MONDAY


@pytest.mark.parametrize("missing", ["reason", "author"])
def test_a_decision_and_an_undo_say_who_and_why(known: Store, missing: str) -> None:
    made = confirm(known)
    said = {"reason": "a course", "author": "ada", missing: " \n"}
    with pytest.raises(UsageError, match=f"a decision needs {missing}"):
        known.decide("c1", Verdict.WATCH, **said)
    with pytest.raises(UsageError, match=f"a decision needs {missing}"):
        known.undo(made.id, **said)
    assert known.decisions() == [made]


def test_a_decision_is_about_a_campaign_that_was_seen(known: Store) -> None:
    with pytest.raises(UsageError, match="no campaign 'c9'") as unknown:
        confirm(known, "c9")
    assert "shoal campaigns" in unknown.value.hint
    with pytest.raises(UsageError, match="c2 was not seen on 2026-01-06") as elsewhere:
        known.decide("c2", Verdict.WATCH, reason="r", author="a", day=TUESDAY)
    assert elsewhere.value.hint == "It was seen from 2026-01-05 to 2026-01-05."
    assert known.decisions() == []


# -- what stands ---------------------------------------------------------------------------------------


def test_the_latest_decision_stands_and_an_undo_brings_back_the_one_before(known: Store) -> None:
    first, second = confirm(known), confirm(known, verdict=Verdict.DISMISSED)
    other = confirm(known, "c2", Verdict.WATCH)
    assert known.standing() == {"c1": second, "c2": other}

    undo = known.undo(second.id, reason="wrong window", author="bo", clock=lambda: NOON)
    assert undo == Decision(
        id=undo.id,
        campaign_id="c1",
        day=second.day,
        run_id=second.run_id,
        verdict=None,
        reason="wrong window",
        author="bo",
        created_at=NOON,
        undoes=second.id,
    )
    assert known.standing("c1") == {"c1": first}
    known.undo(first.id, reason="no", author="bo")
    assert known.standing() == {"c2": other}
    again = confirm(known)
    assert known.standing("c1") == {"c1": again}
    assert known.decisions(in_force=True) == [other, again]
    assert len(known.decisions()) == 6


def test_an_earlier_decision_can_be_taken_back_while_a_later_one_stands(known: Store) -> None:
    first, second = confirm(known), confirm(known)
    known.undo(first.id, reason="no", author="bo")
    assert known.standing() == {"c1": second}


def test_what_cannot_be_undone(known: Store) -> None:
    made = confirm(known)
    undo = known.undo(made.id, reason="no", author="bo")
    before = known.decisions()
    for wrong, what in (
        (99, "no decision 99"),
        (undo.id, f"decision {undo.id} is an undo"),
        (made.id, f"decision {made.id} was taken back already, by {undo.id}"),
    ):
        with pytest.raises(UsageError, match=what) as caught:
            known.undo(wrong, reason="no", author="bo")
        assert caught.value.hint
    assert known.decisions() == before


def test_standing_follows_a_plain_model_through_random_decisions(known: Store) -> None:
    rng = np.random.default_rng(3)
    in_force: dict[str, list[Decision]] = {"c1": [], "c2": []}
    for _ in range(60):
        name = f"c{rng.integers(1, 3)}"
        if in_force[name] and rng.random() < 0.4:
            gone = in_force[name].pop(rng.integers(len(in_force[name])))
            known.undo(gone.id, reason="no", author="bo")
        else:
            in_force[name].append(confirm(known, name, list(Verdict)[rng.integers(3)]))
        assert known.standing() == {key: made[-1] for key, made in in_force.items() if made}
    ids = [one.id for one in known.decisions()]
    assert len(ids) == 60
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    "values",
    ["NULL, NULL", "'watch', {id}", "NULL, {id} + 100"],
    ids=["neither verdict nor undo", "both", "undo of nothing"],
)
def test_the_tables_refuse_a_row_that_says_nothing_or_two_things(known: Store, values: str) -> None:
    made = confirm(known)
    with pytest.raises(Refused), known.writing() as session:
        session.execute(
            text(
                "INSERT INTO decisions (campaign_id, day, run_id, reason, author, created_at, verdict, undoes)"
                " VALUES ('c1', '2026-01-05', '2026-01-05.1', 'r', 'a', '2026-01-05 00:00:00', "
                f"{values.format(id=made.id)})"
            )
        )


# -- what they outlive ---------------------------------------------------------------------------------


def test_decisions_outlive_a_day_that_is_done_again(known: Store) -> None:
    kept, gone = confirm(known), confirm(known, "c2")
    publish_now(known, a_run(MONDAY, 2), [a_campaign("c3")])
    with pytest.raises(UsageError, match="no campaign 'c2'"):
        known.campaign("c2")
    assert known.standing() == {"c1": kept, "c2": gone}
    assert known.verify() == []
    run = known.run(gone.run_id)
    assert run == a_run(MONDAY, 1)
    assert known.run("2026-01-05.9") is None

    with pytest.raises(UsageError, match="no campaign 'c2'"):
        confirm(known, "c2")
    undo = known.undo(gone.id, reason="it was one tenant", author="bo")
    assert (undo.campaign_id, undo.run_id) == ("c2", "2026-01-05.1")

    publish_now(known, a_run(WEDNESDAY), [a_campaign("c2")])
    assert confirm(known, "c2").day == WEDNESDAY
    publish_now(known, a_run(MONDAY, 1), [a_campaign("c1"), a_campaign("c2")])
    assert len(known.decisions("c2")) == 3


def test_a_decision_and_what_follows_from_it_are_one_transaction(known: Store) -> None:
    def decide_and_fail() -> None:
        with known.writing() as session:
            record(session, "c1", Verdict.CONFIRMED, reason="r", author="a")
            raise RuntimeError("what would have followed")

    with pytest.raises(RuntimeError):
        decide_and_fail()
    assert known.decisions() == []


def test_hostile_reasons_and_other_zones_can_be_kept(known: Store) -> None:
    later = NOON.astimezone(tz=None) + timedelta(microseconds=7)
    made = known.decide(
        "c1", Verdict.WATCH, reason="\x00\ud800\u202e'; --", author="ada\x00", clock=lambda: later
    )
    assert (made.reason, made.author) == ("\ufffd\ufffd\u202e'; --", "ada\ufffd")
    assert known.decisions() == [made]
    assert made.created_at == later
    assert made.created_at.utcoffset() == timedelta(0)


def test_identity_knows_which_campaigns_are_decided(known: Store) -> None:
    def decided() -> bool:
        (campaign,) = [
            one for one in known.known_campaigns(WEDNESDAY, latest_days=1) if one.campaign_id == "c1"
        ]
        return campaign.decided

    assert not decided()
    known.decide("c1", Verdict.WATCH, reason="odd", author="ada")
    assert not decided()
    confirmed = known.decide("c1", Verdict.CONFIRMED, reason="cards", author="ada")
    assert decided()
    known.undo(confirmed.id, reason="wrong one", author="ada")
    assert not decided()
