"""Sessions and tickets: kept by their checksums, over when they are over, good once."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from store_examples import NOON

from campaigns.all_tables import METADATA
from campaigns.keys import KEY_BYTES, shared_key
from campaigns.sessions import (
    Lifetimes,
    Role,
    SignedIn,
    TicketKind,
    find_session,
    issue_ticket,
    redeem_ticket,
    sign_in,
    sign_out,
    touch,
)
from campaigns.store import Store

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
LASTS = Lifetimes(12 * HOUR, HOUR)


def begin(store: Store, user: str = "ada", at: datetime = NOON, lifetimes: Lifetimes = LASTS) -> str:
    with store.writing() as session:
        return sign_in(
            session, user=user, role=Role.ANALYST, method="local", lifetimes=lifetimes, clock=lambda: at
        )


def find(
    store: Store, token: str, after: timedelta = timedelta(0), lifetimes: Lifetimes = LASTS
) -> tuple[SignedIn | None, bool]:
    with store.reading() as session:
        return find_session(session, token, lifetimes, clock=lambda: NOON + after)


def use(store: Store, token: str, after: timedelta) -> None:
    with store.writing() as session:
        touch(session, token, clock=lambda: NOON + after)


def rows(store: Store, name: str) -> list[tuple[Any, ...]]:
    with store.reading() as session:
        return [tuple(row) for row in session.execute(select(METADATA.tables[name]))]


# -- sessions ------------------------------------------------------------------------------------------


def test_a_token_says_who_is_signed_in(store: Store) -> None:
    token = begin(store)
    assert find(store, token)[0] == SignedIn(
        user="ada", role=Role.ANALYST, method="local", expires_at=NOON + 12 * HOUR
    )
    for other in ("", "x", token[:-1], token + "x", token.upper(), "\ud800", "x" * 100_000):
        assert find(store, other) == (None, False)


def test_whoever_reads_the_store_finds_nothing_to_sign_in_with(store: Store) -> None:
    token = begin(store)
    with store.writing() as session:
        secret = issue_ticket(session, TicketKind.LOCAL, {"user": "ada"}, HOUR)
    kept = repr([rows(store, name) for name in METADATA.tables])
    assert token not in kept
    assert secret not in kept
    checksum = hashlib.sha256(token.encode()).hexdigest()
    assert checksum in kept
    assert find(store, checksum) == (None, False)


def test_every_sign_in_has_a_token_of_its_own(store: Store) -> None:
    """So what somebody planted in a browser before is worth nothing after it."""
    tokens = {begin(store) for _ in range(5)}
    assert len(tokens) == 5
    assert all(len(token) >= 43 for token in tokens)
    assert all(find(store, token)[0] for token in tokens)
    one, *others = tokens
    with store.writing() as session:
        sign_out(session, one)
    assert find(store, one) == (None, False)
    assert all(find(store, token)[0] for token in others)


def test_a_session_ends_at_its_time_however_it_is_used(store: Store) -> None:
    token = begin(store)
    for minutes in range(0, 12 * 60, 30):
        use(store, token, minutes * MINUTE)
        assert find(store, token, minutes * MINUTE)[0]
    assert find(store, token, 12 * HOUR - SECOND)[0]
    use(store, token, 12 * HOUR - SECOND)
    assert find(store, token, 12 * HOUR) == (None, False)


def test_a_session_that_is_not_used_ends_earlier(store: Store) -> None:
    token = begin(store)
    assert find(store, token, HOUR - SECOND)[0]
    assert find(store, token, HOUR) == (None, False)
    use(store, token, 30 * MINUTE)
    assert find(store, token, 90 * MINUTE - SECOND)[0]
    assert find(store, token, 90 * MINUTE) == (None, False)


@pytest.mark.parametrize(
    ("idle", "steps"),
    [(HOUR, [(0, False), (59, False), (60, True)]), (MINUTE, [(0, False), (29, False), (30, True)])],
)
def test_use_is_noted_rarely_but_often_enough(
    store: Store, idle: timedelta, steps: list[tuple[int, bool]]
) -> None:
    lifetimes = Lifetimes(12 * HOUR, idle)
    token = begin(store, lifetimes=lifetimes)
    for seconds, note in steps:
        assert find(store, token, seconds * SECOND, lifetimes) == (find(store, token)[0], note)


def test_signing_out_ends_a_session_at_once_and_nothing_brings_it_back(store: Store) -> None:
    token = begin(store)
    for _ in range(2):  # a second time changes nothing
        with store.writing() as session:
            sign_out(session, token)
    use(store, token, SECOND)
    assert find(store, token) == (None, False)
    assert store.audit_head().sequence == 2


def test_sessions_that_are_over_are_cleared_away_by_the_next_sign_in(store: Store) -> None:
    begin(store, "ada")
    begin(store, "bob", NOON + 6 * HOUR)
    begin(store, "cyd", NOON + 12 * HOUR)
    assert {row[1] for row in rows(store, "sessions")} == {"bob", "cyd"}


def test_each_role_may_do_what_those_before_may() -> None:
    order = [Role.VIEWER, Role.ANALYST, Role.APPROVER, Role.ADMIN]
    for place, one in enumerate(order):
        assert [one.includes(other) for other in order] == [at <= place for at in range(len(order))]


# -- tickets -------------------------------------------------------------------------------------------


def ticket(store: Store, kind: TicketKind = TicketKind.LOCAL, at: datetime = NOON) -> str:
    with store.writing() as session:
        return issue_ticket(session, kind, {"user": "ada", "hostile": "\u202e"}, HOUR, clock=lambda: at)


def redeem(
    store: Store, secret: str, kind: TicketKind = TicketKind.LOCAL, after: timedelta = timedelta(0)
) -> dict[str, Any] | None:
    with store.writing() as session:
        return redeem_ticket(session, kind, secret, clock=lambda: NOON + after)


def test_a_ticket_is_good_once(store: Store) -> None:
    secret, other = ticket(store), ticket(store)
    assert redeem(store, secret) == {"user": "ada", "hostile": "\u202e"}
    assert redeem(store, secret) is None
    assert redeem(store, other) is not None
    assert redeem(store, "x") is None
    assert redeem(store, "\ud800") is None


def test_a_ticket_is_good_until_its_time_is_over(store: Store) -> None:
    assert redeem(store, ticket(store), after=HOUR - SECOND) is not None
    late = ticket(store)
    assert redeem(store, late, after=HOUR) is None
    assert redeem(store, late) is None  # whoever comes late has used it up


def test_a_ticket_of_another_kind_is_refused_and_stays_good_for_its_own(store: Store) -> None:
    secret = ticket(store, TicketKind.OIDC)
    assert redeem(store, secret, TicketKind.LOCAL) is None
    assert redeem(store, secret, TicketKind.OIDC) is not None


def test_tickets_that_are_over_are_cleared_away_by_the_next(store: Store) -> None:
    ticket(store)
    ticket(store, at=NOON + HOUR)
    assert len(rows(store, "tickets")) == 1


def test_a_ticket_is_handed_in_once_however_many_hand_it_in_at_once(store: Store) -> None:
    secret = ticket(store)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: redeem(store, secret), range(6)))
    assert sum(one is not None for one in found) == 1


# -- keys ----------------------------------------------------------------------------------------------


def test_all_who_ask_for_a_key_at_once_are_given_the_same(store_url: str) -> None:
    def ask(_: int) -> bytes:
        with Store.open_url(store_url) as own:
            return shared_key(own, "cursor")

    Store.open_url(store_url).close()
    with ThreadPoolExecutor(6) as pool:
        keys = set(pool.map(ask, range(6)))
    (key,) = keys
    assert len(key) == KEY_BYTES
    with Store.open_url(store_url) as again:
        assert shared_key(again, "cursor") == key
        assert shared_key(again, "another") != key
