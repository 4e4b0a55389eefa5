"""The queue against plain Python, and what `campaigns` repeats against what it repeats it of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from people_examples import SAID, clock, derived, intent, looked_at, repeated
from sqlalchemy import select
from sqlalchemy.orm import Session
from store_examples import MONDAY, a_campaign, a_run, publish_now

from campaigns.entries import CampaignRecord, CampaignState, Event, Lineage, PublishedRun, Verdict
from campaigns.errors import UsageError
from campaigns.labels import relabel
from campaigns.proposals import act
from campaigns.queue import (
    EVERYTHING,
    PROPOSED,
    TEMPLATE_CHARACTERS,
    TREND_DAYS,
    UNDECIDED,
    Filter,
    QueuePage,
    Sort,
    select_ids,
    select_next,
    select_queue,
)
from campaigns.records import Objective, Tier
from campaigns.store import Store
from campaigns.tables import CampaignDayRow, CampaignRow

DAYS = [MONDAY + timedelta(days=number) for number in range(6)]
WORDS = ("essay", "Grade", "100%", "a_b", "a.b", "back\\slash", "漢字", "ÉTÉ", "'; --", "LEDGER")
MANY = 90


def record_of(run: PublishedRun, name: str) -> CampaignRecord:
    """A campaign as the run found it: the same for the same run."""
    seed = hashlib.sha256(f"{run.run_id} {name}".encode()).digest()
    rng = np.random.default_rng(list(seed))
    words = " ".join(rng.choice(WORDS, 3))
    return replace(
        a_campaign(name, score=float(rng.integers(0, 5)) / 4, tier=list(Tier)[rng.integers(3)]),
        title=f"{words} {rng.integers(9)}",
        template=f"{rng.choice(WORDS)} {{text}} " + "x" * int(rng.integers(0, 600)),
        n_prompts=int(rng.integers(1, 6)),
        n_accounts=int(rng.integers(1, 6)),
        objective=list(Objective)[rng.integers(3)],
        operator_id=f"o-{rng.integers(3)}" if rng.random() < 0.5 else None,
        lineage=(Lineage(event=Event.KEPT, reason="r", figures={}),),
    )


def publish_some(store: Store, run: PublishedRun, names: list[str]) -> None:
    publish_now(store, run, [record_of(run, name) for name in names])


# -- filters, order, pages -----------------------------------------------------------------------------


@pytest.fixture
def busy(store: Store) -> Store:
    """`MANY` campaigns on six days, some decided, proposed, called otherwise, merged."""
    rng = np.random.default_rng(8)
    names = [f"c{number:03}" for number in range(MANY)]
    for day in DAYS:
        publish_some(store, a_run(day), [name for name in names if rng.random() < 0.5])
    seen = [one.campaign_id for one in store.campaigns()]
    with store.writing() as session:
        for name in seen[::4]:
            verdict = list(Verdict)[rng.integers(3)]
            act(session, intent(*looked_at(session, name), verdict=verdict), second_person_accounts=0)
        for name in seen[1::9]:
            act(session, intent(*looked_at(session, name)), second_person_accounts=1, clock=clock)
        for name in seen[2::7]:
            relabel(session, name, title=f"Called {rng.choice(WORDS)}", objective=None, **SAID)
    for name in seen[3::17]:
        store.answer(name, seen[0], same=True, **SAID)
    return store


Known = dict[str, tuple[CampaignRow, int | None]]


def everything(session: Session) -> Known:
    """All there is, with the proposal that waits; rows as they are tested further below."""
    waiting = {row.campaign_id: row.proposal_id for row in page_of(session, EVERYTHING, limit=MANY).rows}
    return {row.campaign_id: (row, waiting[row.campaign_id]) for row in session.scalars(select(CampaignRow))}


def page_of(session: Session, wanted: Filter, **more: int) -> QueuePage:
    return select_queue(session, wanted, **more)


def passes(row: CampaignRow, proposal: int | None, wanted: Filter) -> bool:
    text = f"{row.title} {row.template} {row.campaign_id}".lower()
    verdicts = {
        UNDECIDED: row.verdict is None and proposal is None,
        PROPOSED: proposal is not None,
    } | {one.value: row.verdict == one for one in Verdict}
    return (
        (not wanted.tiers or row.tier in wanted.tiers)
        and (not wanted.states or row.state in wanted.states)
        and (not wanted.verdicts or any(verdicts[one] for one in wanted.verdicts))
        and wanted.objective in (None, row.objective)
        and wanted.operator in ("", row.operator_id)
        and wanted.seen_on in (None, row.last_day)
        and (not wanted.only or row.campaign_id in wanted.only)
        and all(word.lower() in text for word in wanted.search.split())
    )


_COLUMN = {
    Sort.SCORE: "score",
    Sort.PROMPTS: "n_prompts",
    Sort.ACCOUNTS: "n_accounts",
    Sort.FIRST_SEEN: "first_day",
    Sort.LAST_SEEN: "last_day",
    Sort.TITLE: "title",
}


def expected(known: Known, wanted: Filter) -> list[str]:
    found = sorted(name for name, (row, proposal) in known.items() if passes(row, proposal, wanted))
    column = _COLUMN[wanted.sort]
    return sorted(found, key=lambda name: getattr(known[name][0], column), reverse=wanted.descending)


def some_of(rng: np.random.Generator, values: list[Any]) -> tuple[Any, ...]:
    return tuple(one for one in values if rng.random() < 0.4)


def filters(rng: np.random.Generator, names: list[str], searches: list[str]) -> Iterator[Filter]:
    for sort in Sort:
        for descending in (True, False):
            yield replace(EVERYTHING, sort=sort, descending=descending)
    for search in searches:
        yield replace(EVERYTHING, search=search)
    for _ in range(80):
        yield Filter(
            tiers=some_of(rng, list(Tier)),
            states=some_of(rng, list(CampaignState)),
            verdicts=some_of(rng, [*map(str, Verdict), UNDECIDED, PROPOSED]),
            objective=list(Objective)[rng.integers(3)] if rng.random() < 0.2 else None,
            operator=f"o-{rng.integers(4)}" if rng.random() < 0.2 else "",
            seen_on=DAYS[rng.integers(6)] if rng.random() < 0.2 else None,
            search=str(rng.choice(searches)) if rng.random() < 0.3 else "",
            only=tuple(rng.choice(names, 20).tolist()) if rng.random() < 0.2 else (),
            sort=list(Sort)[rng.integers(6)],
            descending=bool(rng.random() < 0.5),
        )


SEARCHES = [
    "", " ", "essay", "ESSAY grade", "%", "_", "a_b", "100%", "\\", "back\\slash", "c01", "C01 essay", "漢", "'; --",
    "{text}", "xxxx", "called", "grade nothing", "é" * 300, "\u202e",
]  # fmt: skip


def test_filters_and_order_are_those_of_plain_python(busy: Store) -> None:
    rng = np.random.default_rng(1)
    lengths = []
    with busy.reading() as session:
        known = everything(session)
        for wanted in filters(rng, list(known), SEARCHES):
            names = expected(known, wanted)
            page = page_of(session, wanted, limit=MANY)
            assert [row.campaign_id for row in page.rows] == names, wanted
            assert page.total == len(names)
            assert select_ids(session, wanted, limit=MANY) == names
            assert select_ids(session, wanted, limit=3) == names[:3]
            assert Filter.from_json(wanted.as_json()) == wanted
            lengths.append(len(names))
    assert 0 in lengths
    assert sum(0 < length < MANY for length in lengths) > 40  # filters that leave some in and some out


def test_letters_beyond_ascii_are_found_in_any_case(busy: Store) -> None:
    """PostgreSQL knows as many of them as its locale does, and that of the tests' server is C."""
    if not busy.where.startswith("sqlite"):
        return
    with busy.reading() as session:
        known = everything(session)
        for search in ("été", "Été", "ÉTÉ"):
            wanted = replace(EVERYTHING, search=search)
            assert select_ids(session, wanted, limit=MANY) == expected(known, wanted) != []


def test_nul_and_lone_surrogates_find_nothing_and_break_nothing(busy: Store) -> None:
    with busy.reading() as session:
        for search in ("\x00", "a\x00b", "\ud800"):
            assert page_of(session, replace(EVERYTHING, search=search)).total == 0


@pytest.mark.parametrize("size", [1, 7, 50, MANY])
def test_pages_are_complete_and_repeat_nothing(busy: Store, size: int) -> None:
    wanted = replace(EVERYTHING, sort=Sort.PROMPTS)  # of which there are five, so most of the order is by id
    with busy.reading() as session:
        names = expected(everything(session), wanted)
        found = []
        for offset in range(0, len(names) + size, size):
            page = page_of(session, wanted, offset=offset, limit=size)
            assert (page.total, page.offset) == (len(names), offset)
            found += [row.campaign_id for row in page.rows]
        assert found == names
        assert page_of(session, wanted, offset=-5, limit=2).rows == page_of(session, wanted, limit=2).rows
        assert page_of(session, replace(wanted, only=("nobody",)), offset=9).total == 0


def test_the_next_is_the_one_behind_and_after_the_last_the_first(busy: Store) -> None:
    with busy.reading() as session:
        known = everything(session)
        for wanted in (
            Filter(tiers=()),
            Filter(sort=Sort.TITLE, descending=False),
            replace(EVERYTHING, search="essay"),
        ):
            names = expected(known, wanted)
            assert len(names) > 2
            for here, after in zip(names, [*names[1:], names[0]], strict=True):
                assert select_next(session, here, wanted) == after
            others = [name for name in known if name not in names]
            order = expected(known, replace(EVERYTHING, sort=wanted.sort, descending=wanted.descending))
            for here in others:
                behind = [name for name in order[order.index(here) :] if name in names]
                assert select_next(session, here, wanted) == (behind or names)[0]
            assert select_next(session, "nobody", wanted) == names[0]
        (one,) = (row.campaign_id for row in page_of(session, EVERYTHING, limit=1).rows)
        assert select_next(session, one, replace(EVERYTHING, only=(one,))) is None


def test_a_row_shows_the_latest_day_and_the_trend_of_all(busy: Store) -> None:
    with busy.reading() as session:
        page = page_of(session, EVERYTHING, limit=MANY)
        assert page.days == tuple(DAYS)
        on_days = {(one.campaign_id, one.day): one for one in session.scalars(select(CampaignDayRow))}
        for row in page.rows:
            latest = on_days[row.campaign_id, row.last_day]
            assert row.trend == tuple(
                on_days[row.campaign_id, day].n_prompts if (row.campaign_id, day) in on_days else None
                for day in DAYS
            )
            assert row.template == latest.template[:TEMPLATE_CHARACTERS]
            assert (row.run_id, row.score, row.n_accounts, row.operator_id) == (
                latest.run_id,
                latest.score,
                latest.n_accounts,
                latest.operator_id,
            )
            assert row.trend[DAYS.index(row.last_day)] == row.n_prompts


def test_the_trend_is_of_the_latest_days(store: Store) -> None:
    days = [MONDAY + timedelta(days=2 * number) for number in range(TREND_DAYS + 3)]
    for day in days:
        publish_now(store, a_run(day), [replace(a_campaign("c1"), n_prompts=day.day)] if day.day % 4 else [])
    with store.reading() as session:
        (row,) = page_of(session, EVERYTHING).rows
        assert page_of(session, EVERYTHING).days == tuple(days[-TREND_DAYS:])
    assert row.trend == tuple(day.day if day.day % 4 else None for day in days[-TREND_DAYS:])


def test_a_filter_of_too_many_campaigns_is_cut(store: Store) -> None:
    told = EVERYTHING.as_json() | {"only": [f"c{number}" for number in range(300)]}
    assert len(Filter.from_json(told).only) == 200


# -- what is repeated ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_row_of_a_campaign_repeats_what_it_should(store: Store, seed: int) -> None:
    """Days are published out of order, again, and as they were; campaigns vanish and come back; people go on."""
    rng = np.random.default_rng(seed)
    names = [f"c{number}" for number in range(5)]
    runs: list[tuple[PublishedRun, list[str]]] = []
    done: set[str] = set()
    for _ in range(60):
        step = rng.choice(["publish", "again", "decide", "undo", "relabel"], p=[0.3, 0.1, 0.25, 0.15, 0.2])
        known = [one.campaign_id for one in store.campaigns()]
        done.add(str(step))
        if step == "publish":
            day = DAYS[rng.integers(4)]
            run = a_run(day, 1 + sum(one.day == day for one, _ in runs))
            runs.append((run, [name for name in names if rng.random() < 0.4]))
            publish_some(store, *runs[-1])
        elif step == "again" and runs:
            publish_some(store, *runs[rng.integers(len(runs))])
        elif step == "decide" and known:
            store.decide(str(rng.choice(known)), list(Verdict)[rng.integers(3)], **SAID)
        elif step == "undo" and (standing := store.decisions(in_force=True)):
            store.undo(standing[rng.integers(len(standing))].id, **SAID)
        elif step == "relabel" and known:
            title = str(rng.choice(WORDS)) if rng.random() < 0.5 else None
            objective = Objective.CODE if rng.random() < 0.5 else None
            with store.writing() as session:
                relabel(session, str(rng.choice(known)), title=title, objective=objective, **SAID)
        with store.reading() as session:
            assert repeated(session) == derived(session), step
    assert len(done) == 5
    assert store.verify() == []


def test_a_filter_cannot_smuggle_columns() -> None:
    with pytest.raises(UsageError, match="a filter cannot be read"):
        Filter.from_json({"sort": "campaign_id; DROP TABLE campaigns"})
