"""Saved views: one's own and shared ones, replaced by name, removed by their owner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from people_examples import clock
from store_examples import NOON

from campaigns.errors import UsageError
from campaigns.queue import Filter
from campaigns.records import Tier
from campaigns.store import Store
from campaigns.views import MOST_CHARACTERS, View, remove_view, save_view, select_views

HOSTILE = "\x00\ud800\u202e</script>"


def save(store: Store, owner: str, name: str, query: dict[str, Any] | None = None, **more: Any) -> View:
    with store.writing() as session:
        return save_view(session, owner=owner, name=name, query=query or {}, **{"clock": clock} | more)


def seen(store: Store, user: str) -> list[tuple[str, str]]:
    with store.reading() as session:
        return [(one.owner, one.name) for one in select_views(session, user)]


def test_a_view_brings_its_filter_back(store: Store) -> None:
    wanted = Filter(tiers=(Tier.BENIGN,), search="essay %_", descending=False)
    made = save(store, " ada ", "  my\n view ", wanted.as_json())
    assert made == View(
        id=made.id, owner="ada", name="my view", shared=False, query=wanted.as_json(), created_at=NOON
    )
    with store.reading() as session:
        (read,) = select_views(session, "ada")
    assert read == made
    assert Filter.from_json(read.query) == wanted


def test_others_see_what_is_shared(store: Store) -> None:
    save(store, "ada", "b", shared=True)
    save(store, "ada", "a")
    save(store, "bob", "c")
    assert seen(store, "ada") == [("ada", "a"), ("ada", "b")]
    assert seen(store, "bob") == [("ada", "b"), ("bob", "c")]
    assert seen(store, "cyd") == [("ada", "b")]


def test_a_view_of_the_same_owner_and_name_is_replaced(store: Store) -> None:
    first = save(store, "ada", "mine", {"search": "a"}, shared=True)
    second = save(store, "ada", "mine", {"search": "b"}, clock=lambda: NOON + timedelta(hours=1))
    assert (second.id, second.query, second.shared) == (first.id, {"search": "b"}, False)
    assert second.created_at > first.created_at
    assert save(store, "bob", "mine").id != first.id
    assert len(seen(store, "ada")) == 1


def test_only_its_owner_removes_a_view(store: Store) -> None:
    made = save(store, "ada", "mine", shared=True)
    for number, user in ((made.id, "bob"), (made.id + 7, "ada")):
        with pytest.raises(UsageError, match=f"you have no view {number}"), store.writing() as session:
            remove_view(session, number, owner=user)
    with store.writing() as session:
        remove_view(session, made.id, owner="ada")
    assert seen(store, "ada") == []
    assert save(store, "ada", "mine").id > made.id


@pytest.mark.parametrize(
    ("owner", "name", "what"),
    [
        (" ", "n", "a view needs an owner"),
        ("ada", " \n", "a view needs a name"),
        ("ada", "x" * (MOST_CHARACTERS + 1), "longer than 60 characters"),
    ],
)
def test_what_cannot_be_a_view(store: Store, owner: str, name: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        save(store, owner, name)
    assert store.audit_head().sequence == 0


def test_hostile_names_and_filters_can_be_kept(store: Store) -> None:
    made = save(store, HOSTILE, HOSTILE, {"search": "</script>\u202e"}, shared=True)
    assert (made.owner, made.name) == ("\ufffd\ufffd\u202e</script>",) * 2
    assert save(store, HOSTILE, HOSTILE).id == made.id
    assert store.verify() == []


def test_a_filter_that_is_none_says_so() -> None:
    for broken in ({"tiers": ["gold"]}, {"seen_on": "soon"}, {"sort": 7}, {"tiers": 3}, {"objective": "x"}):
        with pytest.raises(UsageError, match="a filter cannot be read"):
            Filter.from_json(broken)
    assert Filter.from_json({"of a later version": 1}) == Filter(tiers=(), states=(), verdicts=())
