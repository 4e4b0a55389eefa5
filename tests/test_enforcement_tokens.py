from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select
from store_examples import NOON

from campaigns.audit import Action
from campaigns.delivery_tables import FeedTokenRow
from campaigns.errors import UsageError
from campaigns.review_tables import AuditRow
from campaigns.store import Store
from enforcement.tokens import PREFIX, Scope, issue, revoke, scopes_of, select_tokens

DAY = timedelta(days=1)


def test_the_store_knows_a_token_by_its_digest_alone(store: Store) -> None:
    with store.writing() as session:
        token, kept = issue(
            session, " blocklist ", [Scope.CAMPAIGNS], author="ada", life=DAY, clock=lambda: NOON
        )
    assert token.startswith(PREFIX)
    assert len(token) > len(PREFIX) + 40
    with store.reading() as session:
        row = session.scalars(select(FeedTokenRow)).one()
        assert row.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
        assert token not in repr([getattr(row, column.key) for column in FeedTokenRow.__table__.columns])
        assert select_tokens(session) == [kept]
    assert (kept.name, kept.expires_at) == ("blocklist", NOON + DAY)


def test_a_token_opens_its_scopes_until_it_is_over_or_revoked(store: Store) -> None:
    with store.writing() as session:
        token, kept = issue(session, "a", [Scope.ACCOUNTS], author="ada", life=DAY, clock=lambda: NOON)
        lasting, _ = issue(session, "b", list(Scope), author="ada", life=None, clock=lambda: NOON)
    with store.reading() as session:
        assert scopes_of(session, token, NOON) == {Scope.ACCOUNTS}
        assert scopes_of(session, token, NOON + DAY - timedelta(microseconds=1)) == {Scope.ACCOUNTS}
        assert scopes_of(session, token, NOON + DAY) is None
        assert scopes_of(session, lasting, NOON + 9_999 * DAY) == set(Scope)
        for wrong in ("", token[:-1], token + "x", token.upper(), kept.name):
            assert scopes_of(session, wrong, NOON) is None
    with store.writing() as session:
        gone = revoke(session, kept.id, author="bo", clock=lambda: NOON)
    assert gone.revoked_at == NOON
    with store.reading() as session:
        assert scopes_of(session, token, NOON) is None
        assert scopes_of(session, lasting, NOON) == set(Scope)


def test_what_is_done_with_tokens_is_in_the_audit_log(store: Store) -> None:
    with store.writing() as session:
        token, kept = issue(session, "a", [Scope.ACCOUNTS], author="ada", life=DAY, clock=lambda: NOON)
        revoke(session, kept.id, author="bo", clock=lambda: NOON)
    with store.reading() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.sequence)).all()
        told = [(row.actor, row.action, row.subject) for row in rows]
        assert token not in repr([row.details for row in rows])
    assert told == [
        ("ada", Action.FEED_ISSUED, f"feed token {kept.id}"),
        ("bo", Action.FEED_REVOKED, f"feed token {kept.id}"),
    ]


def test_tokens_without_name_or_scope_and_revoking_twice_are_refused_in_words(store: Store) -> None:
    with store.writing() as session:
        for name, scopes in (("", [Scope.ACCOUNTS]), ("x" * 101, [Scope.ACCOUNTS]), ("a", [])):
            with pytest.raises(UsageError):
                issue(session, name, scopes, author="ada", life=DAY)
        _, kept = issue(session, "a", [Scope.ACCOUNTS], author="ada", life=DAY)
        revoke(session, kept.id, author="ada")
        for number in (kept.id, kept.id + 1):
            with pytest.raises(UsageError, match=f"token {number}"):
                revoke(session, number, author="ada")
