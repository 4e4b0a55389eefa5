"""The audit log: one row for each change, in one transaction with it, and a chain that shows whoever gets at it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from people_examples import SAID, clock, intent, looked_at
from seed_examples import a_seed
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from store_examples import NOON, a_campaign, a_run, a_wording, publish_now

from campaigns.all_tables import METADATA
from campaigns.allow import allow, disallow
from campaigns.answers import record_answer
from campaigns.audit import (
    MOST_CHARACTERS,
    Action,
    Anchor,
    AuditRecord,
    append,
    count_audit,
    select_audit,
    verify_audit,
)
from campaigns.decisions import record, take_back
from campaigns.entries import AllowKind, Verdict
from campaigns.labels import relabel
from campaigns.proposals import act, approve, decline
from campaigns.seeds import add_seeds, remove
from campaigns.sessions import Lifetimes, Role, sign_in, sign_out
from campaigns.splits import record_split, take_split_back
from campaigns.store import Store
from campaigns.views import remove_view, save_view

ROWS = 12
SECRET = "long and random"
TABLE = METADATA.tables["audit"]
LASTS = Lifetimes(timedelta(hours=12), timedelta(hours=1))
Row = dict[str, Any]


# -- one row for each change ---------------------------------------------------------------------------


def nothing(_: Session) -> None:
    """Has to be there before."""


def a_session(session: Session) -> str:
    return sign_in(session, user="ada", role=Role.ANALYST, method="local", lifetimes=LASTS, clock=clock)


def propose(session: Session) -> int:
    made = act(session, intent(*looked_at(session, "c1", "c2")), second_person_accounts=1, clock=clock)
    assert made.proposal is not None
    return made.proposal.id


BOB: dict[str, Any] = SAID | {"author": "bob"}
Make = Callable[[Session], Any]
CHANGES: dict[Action, tuple[Make, Callable[[Session, Any], Any], list[str]]] = {
    # what has to be there before, the change, and the subjects of the rows that it leaves
    Action.DECIDED: (nothing, lambda s, _: record(s, "c1", Verdict.WATCH, **SAID), ["c1"]),
    Action.UNDONE: (
        lambda s: record(s, "c1", Verdict.WATCH, **SAID).id,
        lambda s, made: take_back(s, made, **SAID),
        ["c1"],
    ),
    Action.PROPOSED: (nothing, lambda s, _: propose(s), ["c1", "c2"]),
    Action.DECLINED: (propose, lambda s, made: decline(s, made, **BOB), ["c1", "c2"]),
    Action.WITHDREW: (propose, lambda s, made: decline(s, made, **SAID), ["c1", "c2"]),
    Action.ANSWERED: (nothing, lambda s, _: record_answer(s, "c2", "c1", same=True, **SAID), ["c2"]),
    Action.SPLIT: (nothing, lambda s, _: record_split(s, "c1", [1], **SAID), ["c1"]),
    Action.UNSPLIT: (
        lambda s: record_split(s, "c1", [1], **SAID).id,
        lambda s, made: take_split_back(s, made, **SAID),
        ["c1"],
    ),
    Action.RELABELLED: (
        nothing,
        lambda s, _: relabel(s, "c1", title="Essays", objective=None, **SAID),
        ["c1"],
    ),
    Action.ALLOWED: (
        nothing,
        lambda s, _: allow(s, AllowKind.ORGANIZATION, "org-1", **SAID),
        ["organization org-1"],
    ),
    Action.DISALLOWED: (
        lambda s: allow(s, AllowKind.CAMPAIGN, "c1", **SAID).id,
        lambda s, made: disallow(s, made, author="ada", clock=clock),
        ["c1"],
    ),
    Action.VIEW_SAVED: (
        nothing,
        lambda s, _: save_view(s, owner="ada", name="mine", query={}, clock=clock),
        ["a view"],
    ),
    Action.VIEW_REMOVED: (
        lambda s: save_view(s, owner="ada", name="mine", query={}, clock=clock).id,
        lambda s, made: remove_view(s, made, owner="ada", clock=clock),
        ["a view"],
    ),
    Action.SEED: (
        lambda s: add_seeds(s, [a_seed("s-1")]),
        lambda s, _: remove(s, "s-1", **SAID),
        ["s-1"],
    ),
    Action.SIGNED_IN: (nothing, lambda s, _: a_session(s), ["user ada"]),
    Action.SIGNED_OUT: (a_session, lambda s, made: sign_out(s, made, clock=clock), ["user ada"]),
}


@pytest.fixture
def known(store: Store) -> Store:
    """c1 of two wordings, and c2."""
    wordings = (a_wording(1), a_wording(2, 1))
    publish_now(store, a_run(), [replace(a_campaign("c1"), wordings=wordings), a_campaign("c2", feature=9)])
    return store


def everything(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: [tuple(row) for row in session.execute(select(table))]
        for name, table in METADATA.tables.items()
    }


@pytest.mark.parametrize("action", CHANGES, ids=lambda action: action.name.lower())
def test_a_change_leaves_its_row_and_a_failure_after_it_leaves_neither(known: Store, action: Action) -> None:
    prepare, change, subjects = CHANGES[action]
    with known.writing() as session:
        there = prepare(session)
    with known.reading() as session:
        before, rows_before = everything(session), count_audit(session)

    def change_and_fail() -> None:
        with known.writing() as session:
            change(session, there)
            raise RuntimeError("what would have followed")

    with pytest.raises(RuntimeError, match="what would have followed"):
        change_and_fail()
    with known.reading() as session:
        assert everything(session) == before

    with known.writing() as session:
        change(session, there)
    with known.reading() as session:
        made = select_audit(session)[: count_audit(session) - rows_before]
        assert [re.sub(r"^view \d+$", "a view", one.subject) for one in reversed(made)] == subjects
        assert {(one.action, one.actor, one.at) for one in made} == {
            (action, "bob" if action == Action.DECLINED else "ada", NOON)
        }
        assert verify_audit(session).problems == ()


def test_an_approval_tells_of_each_campaign_that_it_is_approved_and_decided(known: Store) -> None:
    with known.writing() as session:
        number = propose(session)
        approve(session, number, **BOB)
    with known.reading() as session:
        told = [(one.action, one.actor, one.subject) for one in reversed(select_audit(session))]
    assert told == [
        (Action.PROPOSED, "ada", "c1"),
        (Action.PROPOSED, "ada", "c2"),
        (Action.DECIDED, "ada", "c1"),
        (Action.DECIDED, "ada", "c2"),
        (Action.APPROVED, "bob", "c1"),
        (Action.APPROVED, "bob", "c2"),
    ]


def test_what_is_refused_leaves_no_row(known: Store) -> None:
    for change in (
        lambda: known.decide("c9", Verdict.WATCH, reason="r", author="a"),
        lambda: known.undo(7, reason="r", author="a"),
        lambda: known.remove_allow(7, author="a"),
        lambda: known.answer("c1", "c1", same=True, reason="r", author="a"),
    ):
        with pytest.raises(Exception, match=r"no campaign|no decision|no allow-list entry|already"):
            change()
    assert known.audit_head().sequence == 0


# -- what is read back ---------------------------------------------------------------------------------


def add(store: Store, **changed: Any) -> AuditRecord:
    values = {"actor": "ada", "action": Action.REFUSED, "subject": "c1", "details": {}, "at": NOON}
    with store.writing() as session:
        return append(session, **values | changed)


def read(store: Store, **asked: Any) -> list[AuditRecord]:
    with store.reading() as session:
        return select_audit(session, **asked)


def test_rows_are_chosen_by_subject_actor_and_position(store: Store) -> None:
    for number in range(8):
        add(store, actor=f"user {number % 2}", subject=f"c{number % 3}")

    def found(**asked: Any) -> list[int]:
        return [one.sequence for one in read(store, **asked)]

    assert found() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert found(subjects=["c0", "c2"], before=7) == [6, 4, 3, 1]
    assert found(actor="user 1", limit=2) == [8, 6]
    assert found(subjects=["c0"], actor="user 0") == [7, 1]


@pytest.mark.parametrize(
    "hostile",
    [
        "\x00",
        "\ud800 alone",
        "\udfff\ud800",
        "\u202e\u2066\ufeff'; DROP TABLE audit; --",
        "\x1b]8;;x\x07",
        "e\u0301\u00e9漢字🦑",
        "\\u0000 \\ud800",
        "x" * 1_000_000,
    ],
    ids=["nul", "surrogate", "surrogates", "bidi", "escape", "unicode", "escaped", "huge"],
)
def test_hostile_words_verify_when_they_are_read_back(store: Store, hostile: str) -> None:
    nested = {hostile: [hostile, {"a": {hostile: [hostile, None, True, 0.1, 1e300, -0.0, 2**80]}}]}
    made = add(store, actor=hostile, subject=hostile, details=nested)
    add(store, details={"when": NOON, "day": NOON.date(), 3: Action.SPLIT})
    assert read(store)[1] == made
    assert read(store)[0].details == {"when": str(NOON), "day": "2026-01-09", "3": "split a campaign"}
    assert read(store, subjects=[hostile]) == [made]
    assert store.verify([Anchor(1, made.mac), store.audit_head()]) == []


def test_subjects_that_are_cut_differ_by_what_was_cut(store: Store) -> None:
    """What is random cannot be packed, and the index of PostgreSQL takes 2,704 bytes."""
    long = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(3_000))
    first, second = add(store, subject=long), add(store, subject=long + "!")
    assert first.subject[:MOST_CHARACTERS] == second.subject[:MOST_CHARACTERS] == long[:MOST_CHARACTERS]
    assert len({first.subject, second.subject}) == 2
    assert read(store, subjects=[long]) == [first]


def test_times_of_any_zone_verify(store: Store) -> None:
    for at in (
        NOON.astimezone(timezone(timedelta(hours=-9, minutes=-30))),
        NOON + timedelta(microseconds=7),
    ):
        assert add(store, at=at).at == at
    assert store.verify() == []


def test_a_figure_that_no_database_takes_is_an_error_and_no_row(store: Store) -> None:
    with pytest.raises(ValueError, match="JSON"):
        add(store, details={"figure": float("nan")})
    assert store.audit_head().sequence == 0


def test_any_details_verify_when_they_are_read_back(store: Store) -> None:
    texts = st.text(st.characters(exclude_categories=[]), max_size=8)
    leaves = (
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
    )
    values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8)

    @given(st.dictionaries(texts, values, max_size=4), texts, texts)
    @limits(max_examples=60)
    def holds(details: dict[str, Any], actor: str, subject: str) -> None:
        with store.writing() as session:
            append(session, actor=actor, action=Action.REFUSED, subject=subject, details=details, at=NOON)
            session.expire_all()
            assert verify_audit(session).problems == ()
            session.rollback()

    holds()


# -- who gets at it ------------------------------------------------------------------------------------


def fill(store: Store, rows: int = ROWS) -> None:
    with store.writing() as session:
        for number in range(rows):
            append(
                session,
                actor=f"user {number % 3}",
                action=list(Action)[number % 5],
                subject=f"c{number % 4}",
                details={"number": number},
                at=NOON + timedelta(seconds=number),
            )


def unguard(store: Store) -> None:
    """As somebody who owns the database can."""
    with store.writing() as session:
        if session.get_bind().dialect.name == "sqlite":
            for name in ("audit_no_update", "audit_no_delete", "audit_no_replace"):
                session.execute(text(f"DROP TRIGGER {name}"))
        else:
            session.execute(text("DROP TRIGGER audit_added_only ON audit"))


@pytest.fixture
def keyed(store_url: str) -> Iterator[Store]:
    """A chain of `ROWS` rows made with the secret key, in a table that nothing guards."""
    with Store.open_url(store_url, secret=SECRET) as store:
        fill(store)
        unguard(store)
        yield store


@pytest.fixture
def unkeyed(store: Store) -> Store:
    fill(store)
    unguard(store)
    return store


def rows_of(store: Store) -> list[Row]:
    with store.reading() as session:
        return [dict(row) for row in session.execute(select(TABLE).order_by(TABLE.c.sequence)).mappings()]


def found_in(store: Store, rows: list[Row], anchors: tuple[Anchor, ...] = ()) -> tuple[str, ...]:
    """What is found when these are the rows; afterwards they are as before."""
    with store.writing() as session:
        session.execute(text("DELETE FROM audit"))
        if rows:
            session.execute(insert(TABLE), rows)
        found = verify_audit(session, anchors).problems
        session.rollback()
    return found


def first_row(problems: tuple[str, ...]) -> int:
    found = re.match(r"audit: rows? (\d+)", problems[0])
    assert found, problems
    return int(found[1])


def renumbered(rows: list[Row]) -> list[Row]:
    return [row | {"sequence": number} for number, row in enumerate(rows, 1)]


def test_the_database_refuses_to_change_the_log(store: Store) -> None:
    fill(store)
    before = rows_of(store)
    statements = [
        "UPDATE audit SET actor = 'eve' WHERE sequence = 3",
        "DELETE FROM audit WHERE sequence = 12",
    ]
    copy = "SELECT 3, at, 'eve', action, subject, details, key_id, mac FROM audit WHERE sequence = 3"
    if store.where.startswith("sqlite"):
        statements += [f"REPLACE INTO audit {copy}", f"INSERT OR REPLACE INTO audit {copy}"]
    else:
        statements += [
            "TRUNCATE audit",
            f"INSERT INTO audit {copy} ON CONFLICT (sequence) DO UPDATE SET actor = 'eve'",
        ]
    for statement in statements:
        with pytest.raises(DBAPIError, match="the audit log is added to only"), store.writing() as session:
            session.execute(text(statement))
    assert rows_of(store) == before


EDITS: dict[str, Any] = {
    "actor": "eve",
    "action": "exported",
    "subject": "c9",
    "details": {"number": -1},
    "at": NOON - timedelta(days=1),
    "key_id": "",
    "mac": "0" * 64,
}


@pytest.mark.parametrize("column", EDITS)
def test_an_edit_is_found_at_every_position(keyed: Store, column: str) -> None:
    rows = rows_of(keyed)
    for number in range(ROWS):
        edited = [*rows[:number], rows[number] | {column: EDITS[column]}, *rows[number + 1 :]]
        found = found_in(keyed, edited)
        assert first_row(found) == number + 1
        # Whoever breaks a code breaks the one after it, and no other.
        assert len(found) == 1
    assert found_in(keyed, rows) == ()


def test_rows_that_are_cut_out_are_found_at_every_position(keyed: Store) -> None:
    rows = rows_of(keyed)
    head = keyed.audit_head()
    for first, last in combinations(range(ROWS + 1), 2):
        rest = [*rows[:first], *rows[last:]]
        named = f"row {first + 1} is" if last == first + 1 else f"rows {first + 1} to {last} are"
        if last < ROWS:
            assert found_in(keyed, rest) == (f"audit: {named} missing",)
            assert first_row(found_in(keyed, renumbered(rest))) == first + 1
        else:
            assert found_in(keyed, rest) == ()  # which only an anchor tells
            assert found_in(keyed, rest, (replace(head, source="2026-01-05.1"),)) == (
                f"audit: the log ends at row {first}, and 2026-01-05.1 noted row {ROWS}",
            )


def test_rows_that_change_places_are_found(keyed: Store) -> None:
    rows = rows_of(keyed)
    for one, other in combinations(range(ROWS), 2):
        swapped = list(rows)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        moved = [*rows[:one], *rows[one + 1 : other + 1], rows[one], *rows[other + 1 :]]
        assert first_row(found_in(keyed, renumbered(swapped))) == one + 1
        assert first_row(found_in(keyed, renumbered(moved))) == one + 1


@pytest.mark.parametrize("unkeyed_row", [False, True])
def test_a_row_that_is_put_in_is_found_at_every_position(keyed: Store, unkeyed_row: bool) -> None:
    rows = rows_of(keyed)
    for number in range(ROWS + 1):
        forged = rows[number % ROWS] | {"actor": "eve"} | ({"key_id": ""} if unkeyed_row else {})
        found = found_in(keyed, renumbered([*rows[:number], forged, *rows[number:]]))
        assert first_row(found) == number + 1


def test_rows_copied_to_the_end_are_found(keyed: Store) -> None:
    rows = rows_of(keyed)
    assert first_row(found_in(keyed, renumbered([*rows, *rows]))) == ROWS + 1


def test_a_chain_made_anew_by_somebody_without_the_key_is_found_by_its_anchors(
    unkeyed: Store, tmp_path: Any
) -> None:
    """Plain checksums anybody can compute; what runs noted stands elsewhere."""
    anchors = [Anchor(row["sequence"], row["mac"], f"run {row['sequence']}") for row in rows_of(unkeyed)]
    with Store.open_url(f"sqlite:///{tmp_path / 'forged.db'}") as other:
        fill(other, 7)
        add(other, actor="eve")
        fill(other, 4)
        forged = rows_of(other)
    assert found_in(unkeyed, forged) == ()
    assert found_in(unkeyed, forged, tuple(anchors[:7])) == ()
    for number in range(7, ROWS):
        assert found_in(unkeyed, forged, (anchors[number],)) == (
            f"audit: row {number + 1} is not the one that run {number + 1} noted",
        )


def test_an_emptied_log_is_found_by_an_anchor(keyed: Store) -> None:
    assert found_in(keyed, [], (keyed.audit_head(),)) == (
        "audit: the log ends at row 0, and an anchor noted row 12",
    )


def test_a_run_that_noted_an_empty_log_agrees_with_every_log(store: Store) -> None:
    empty = store.audit_head()
    assert empty.sequence == 0
    assert store.verify([empty]) == []
    fill(store)
    assert store.verify([empty, store.audit_head(), empty]) == []
    assert store.verify([replace(empty, mac="f" * 64)]) == [
        "audit: row 0 is not the one that an anchor noted"
    ]


def test_what_no_type_of_a_column_reads_is_found_too(keyed: Store) -> None:
    """SQLite takes any value in any column."""
    if not keyed.where.startswith("sqlite"):
        return
    for number in (1, 7, ROWS):
        for change in ("details = '{'", "details = '[]'", "details = x'00'", "at = 'noon'", "actor = x'00'"):
            with keyed.writing() as session:
                session.execute(text(f"UPDATE audit SET {change} WHERE sequence = {number}"))
                found = verify_audit(session).problems
                session.rollback()
            assert found == (f"audit: row {number} is not readable",)


# -- keys ----------------------------------------------------------------------------------------------


def test_accidents_are_found_without_a_key(unkeyed: Store) -> None:
    rows = rows_of(unkeyed)
    for number in range(ROWS):
        edited = [*rows[:number], rows[number] | {"actor": "eve"}, *rows[number + 1 :]]
        assert found_in(unkeyed, edited) == (f"audit: row {number + 1} is not what was written",)


def with_keys(url: str, *secrets: str) -> None:
    """Three rows with each."""
    for secret in secrets:
        with Store.open_url(url, secret=secret) as store:
            fill(store, 3)


ANOTHER = "are made with another secret key, and cannot be checked"


@pytest.mark.parametrize(
    ("secrets", "keyed_from", "problems"),
    [
        ([""], None, ()),
        (["a"], 1, ()),
        (["", "a"], 4, ()),
        (["", "a", ""], None, (f"rows 4 to 6 {ANOTHER}", "rows 7 to 9 are made without the secret key")),
        (["", "a", "", "a"], 4, ("rows 7 to 9 are made without the secret key",)),
        (["a", "b"], 4, (f"rows 1 to 3 {ANOTHER}",)),
        (["a", "b", "a"], 1, (f"rows 4 to 6 {ANOTHER}",)),
    ],
    ids=["none", "from the start", "later", "lost", "lost for a while", "another", "another for a while"],
)
def test_which_rows_the_key_vouches_for(
    store_url: str, secrets: list[str], keyed_from: int | None, problems: tuple[str, ...]
) -> None:
    """By the key of the last of those who wrote."""
    with_keys(store_url, *secrets)
    with Store.open_url(store_url, secret=secrets[-1]) as store, store.reading() as session:
        found = verify_audit(session)
    assert (found.rows, found.keyed_from) == (3 * len(secrets), keyed_from)
    assert found.problems == tuple(f"audit: {problem}" for problem in problems)
    assert found.sound is not bool(problems)


def test_rows_of_another_key_break_no_row_after_them(store_url: str) -> None:
    """The chain goes on from their codes, which were kept."""
    with_keys(store_url, "a", "b")
    with Store.open_url(store_url, secret="b") as store:
        unguard(store)
        rows = rows_of(store)
        edited = [*rows[:4], rows[4] | {"actor": "eve"}, rows[5]]
        assert found_in(store, edited)[1:] == ("audit: row 5 is not what was written",)


# -- at once -------------------------------------------------------------------------------------------


def test_writers_at_once_make_one_chain(store: Store) -> None:
    def write(writer: int) -> None:
        for number in range(8):
            add(store, actor=f"writer {writer}", details={"number": number})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    rows = read(store)
    assert [row.sequence for row in rows] == list(range(48, 0, -1))
    for writer in range(6):
        own = [row.details["number"] for row in reversed(rows) if row.actor == f"writer {writer}"]
        assert own == list(range(8))
    assert store.verify([store.audit_head()]) == []


def test_a_reader_verifies_what_it_sees_while_others_write(store: Store) -> None:
    fill(store)
    with store.reading() as session:
        assert count_audit(session) == ROWS
        add(store)
        assert verify_audit(session).rows == ROWS
    assert store.verify() == []


@pytest.mark.parametrize("until", range(ROWS + 1))
def test_a_walk_goes_on_from_where_another_one_ended(store: Store, until: int) -> None:
    fill(store, until)
    with store.reading() as session:
        first = verify_audit(session)
    fill(store, ROWS - until)
    with store.reading() as session:
        assert verify_audit(session, since=first) == verify_audit(session)
