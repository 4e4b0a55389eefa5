"""Seeds in the store: what comes in once, what goes and stays on record, what is told to those who seek."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from seed_examples import a_fingerprint, a_seed
from sqlalchemy import text
from store_examples import NOON, TUESDAY

from campaigns.entries import SeedEvent, Tlp
from campaigns.errors import UsageError
from campaigns.records import MatcherState, Objective
from campaigns.store import Store


def removed(store: Store, seed_id: str) -> None:
    store.remove_seed(seed_id, reason="our own load test", author="bob", clock=lambda: NOON)


def test_a_seed_comes_back_as_it_went_in(store: Store) -> None:
    told = a_seed(
        "s-2",
        note="from May \x1b[31m",
        objective=Objective.GRADING,
        first_seen=date(2025, 12, 1),
        last_seen=date(2026, 1, 4),
        tlp=Tlp.RED,
    )
    mark = a_fingerprint("s-1")
    assert store.add_seeds([told, mark]).imported == ("s-2", "s-1")
    assert store.seeds() == [mark, told]
    assert store.seed("s-2") == told


def test_imported_twice_it_is_one_row(store: Store) -> None:
    first = a_seed()
    store.add_seeds([first])
    later = replace(first, imported_at=NOON + timedelta(days=1), imported_by="eve", note="another")
    assert store.add_seeds([later]).known == ("s-1",)
    assert store.seeds() == [first]
    assert [record.event for record in store.seed_records("s-1")] == [SeedEvent.IMPORTED]


def test_a_marking_only_gets_stricter_and_says_so(store: Store) -> None:
    store.add_seeds([a_seed(tlp=Tlp.GREEN)])
    store.add_seeds([a_seed(tlp=Tlp.RED, imported_by="eve")])
    store.add_seeds([a_seed(tlp=Tlp.CLEAR)])
    assert store.seed("s-1").tlp is Tlp.RED
    record = store.seed_records("s-1")[-1]
    assert (record.event, record.author) == (SeedEvent.MARKED, "eve")
    assert record.reason == "TLP:GREEN before, TLP:RED now"


def test_the_first_figures_of_a_known_seed_are_taken_and_later_ones_are_not(store: Store) -> None:
    fresh = a_seed(state=MatcherState.UNTESTED, organic_prompts=0, measured_on=None, anywhere=False)
    store.add_seeds([fresh])
    assert store.seed("s-1").state is MatcherState.UNTESTED
    store.add_seeds([a_seed()])
    assert store.seed("s-1") == a_seed()
    store.add_seeds([a_seed(state=MatcherState.COLLIDES)])
    assert store.seed("s-1").state is MatcherState.USABLE


def test_a_removed_seed_stays_on_record_and_is_not_sought(store: Store) -> None:
    store.add_seeds([a_seed(), a_seed("s-2")])
    before = store.seeds_state()
    removed(store, "s-1")
    assert store.seeds_state() != before
    assert [matcher.campaign_id for matcher in store.seed_matchers()] == ["s-2"]
    assert [seed.seed_id for seed in store.seeds(removed=False)] == ["s-2"]
    gone = store.seed("s-1")
    assert (gone.removed_by, gone.removed_reason, gone.removed_at) == ("bob", "our own load test", NOON)
    with pytest.raises(UsageError, match="removed already, by bob"):
        removed(store, "s-1")


def test_a_removed_seed_comes_back_only_when_that_is_said(store: Store) -> None:
    store.add_seeds([a_seed()])
    removed(store, "s-1")
    added = store.add_seeds([a_seed(tlp=Tlp.RED)])
    assert added.removed == ("s-1",)
    assert (store.seed("s-1").removed_by, store.seed("s-1").tlp) == ("bob", Tlp.AMBER)
    back = store.add_seeds([a_seed(state=MatcherState.COLLIDES, reason="it does")], again=True)
    assert back.brought_back == ("s-1",)
    assert (store.seed("s-1").removed_at, store.seed("s-1").state) == (None, MatcherState.COLLIDES)
    events = [SeedEvent.IMPORTED, SeedEvent.REMOVED, SeedEvent.BROUGHT_BACK]
    assert [record.event for record in store.seed_records("s-1")] == events


def test_new_figures_are_recorded_and_decide_whether_it_is_sought(store: Store) -> None:
    store.add_seeds([a_seed(), a_fingerprint()])
    (matcher,) = store.seed_matchers()
    assert (matcher.campaign_id, matcher.variant, matcher.day) == ("s-1", 0, NOON.date())
    before = store.seeds_state()
    worse = replace(
        matcher,
        day=TUESDAY,
        state=MatcherState.COLLIDES,
        reason="it does",
        organic_matches=90,
        anywhere=False,
    )
    store.record_seed_collisions([worse])
    assert store.seed_matchers() == [worse]
    assert store.seeds_state() != before
    with pytest.raises(UsageError, match="no seed 's-9'"):
        store.record_seed_collisions([worse, replace(worse, campaign_id="s-9")])
    with pytest.raises(UsageError, match="s-f is a fingerprint"):
        store.record_seed_collisions([replace(matcher, campaign_id="s-f")])
    assert store.seed_matchers() == [worse]


def test_an_import_that_dies_leaves_nothing(store: Store) -> None:
    with pytest.raises(UsageError, match="needs an author"):
        store.add_seeds([a_seed(), a_seed("s-2", imported_by=" ")])
    assert store.seeds() == []


def test_a_dry_run_says_the_same_and_writes_nothing(store: Store) -> None:
    store.add_seeds([a_seed()])
    both = [a_seed(tlp=Tlp.RED), a_seed("s-2")]
    tried = store.add_seeds(both, dry_run=True)
    assert store.seeds() == [a_seed()]
    assert store.add_seeds(both) == tried


@pytest.mark.parametrize(("reason", "author"), [(" ", "ada"), ("why", "")])
def test_removing_needs_a_reason_and_an_author(store: Store, reason: str, author: str) -> None:
    store.add_seeds([a_seed()])
    with pytest.raises(UsageError, match="a seed needs"):
        store.remove_seed("s-1", reason=reason, author=author)
    with pytest.raises(UsageError, match="no seed 's-7'"):
        store.remove_seed("s-7", reason="why", author="ada")
    assert store.seed("s-1").removed_at is None


def test_a_damaged_fingerprint_is_found(store: Store) -> None:
    store.add_seeds([a_fingerprint()])
    assert store.verify() == []
    with store.writing() as session:
        session.execute(text("UPDATE seeds SET weights = features"))
    assert store.verify() == ["store: the fingerprint of seed s-f is damaged"]
