"""The review queue in a store that has been filled for a month: what a page of it costs, and how long a click may wait.

A click writes, and units that write come one at a time. So the longest it can wait is as long as publishing holds the
store. PostgreSQL is measured where `SHOAL_BENCH_STORE_URL` names an empty database of it.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import create_engine, text

from benchmarks.results import Figure, Result
from campaigns.decisions import record, select_decisions, take_back
from campaigns.entries import CampaignRecord, Event, Lineage, PublishedRun, Verdict, WordingRecord
from campaigns.locks import held
from campaigns.proposals import Intent, Target, act
from campaigns.publish import publish
from campaigns.queue import EVERYTHING, Filter, Sort, select_ids, select_queue, waiting_by_campaign
from campaigns.records import Objective, Tier
from campaigns.store import Store

DAYS, DECISIONS, PROPOSALS, REPEAT = 30, 5_000, 100, 7
URL_VARIABLE = "SHOAL_BENCH_STORE_URL"
FEATURES, DIMENSIONS = 60, 384
FIRST = date(2026, 1, 1)
NOW = datetime(2026, 2, 1, tzinfo=UTC)
WORDS = ("grade", "the", "following", "essay", "from", "one", "to", "ten", "give", "your", "reasons")


def review_queue(campaigns: int, folder: Path, days: int = DAYS) -> Result:
    """Every campaign is seen on every day. Milliseconds are medians, of `REPEAT` or of the days."""
    url = os.environ.get(URL_VARIABLE) or f"sqlite:///{folder / 'queue.db'}"
    rng = np.random.default_rng(1)
    names = [f"c-{number:016x}" for number in range(campaigns)]
    with Store.open_url(url) as store:
        publishing, waits = [], []
        for number in range(days):
            day = FIRST + timedelta(days=number)
            made = [_campaign(name, rng) for name in names]
            with held(store, day, lease_seconds=600) as lock, _clicks(store) as waited:
                started = time.perf_counter()
                publish(store, lock, _run(day), made)
                publishing.append(time.perf_counter() - started)
            waits.append(max(waited))
        _tend(store)
        _decide(store, names[: min(DECISIONS, campaigns)], FIRST + timedelta(days=days - 1))
        rows = [(name, _milliseconds(store, work)) for name, work in _questions(names).items()]
    pages = [cost for name, cost in rows if name.startswith("page")]
    rows += [
        ("publishing a day", 1e3 * statistics.median(publishing)),
        ("longest wait of a click meanwhile", 1e3 * statistics.median(waits)),
        ("the same, on the worst day", 1e3 * max(waits)),
    ]
    return Result(
        f"Review queue, {campaigns:,} campaigns on {days} days, {url.partition(':')[0]}",
        (
            Figure("slowest page of the queue", max(pages), "ms"),
            Figure("longest wait of a click", 1e3 * statistics.median(waits), "ms"),
        ),
        ("question", "median ms"),
        tuple(rows),
    )


def _questions(names: list[str]) -> dict[str, Callable[[Store], object]]:
    filters = {
        "page, undecided": (Filter(), 0),
        "page, undecided, the last": (Filter(), len(names)),
        **{
            f"page, all, by {sort}": (Filter(tiers=(), states=(), verdicts=(), sort=sort), 0) for sort in Sort
        },
        "page, all, the last": (EVERYTHING, len(names) - 50),
        "page, confirmed": (Filter(verdicts=("confirmed",)), 0),
        "page, of an operator": (Filter(tiers=(), verdicts=(), operator="o-7"), 0),
        "page, of an objective": (Filter(objective=Objective.GRADING), 0),
        "page, a word of all": (Filter(tiers=(), verdicts=(), search="essay"), 0),
        "page, a word of none": (Filter(tiers=(), verdicts=(), search="zebra crossing"), 0),
        "page, a part of an id": (Filter(tiers=(), verdicts=(), search="000abc"), 0),
    }

    def page(wanted: Filter, offset: int) -> Callable[[Store], object]:
        def ask(store: Store) -> object:
            with store.reading() as session:
                return select_queue(session, wanted, offset=max(offset, 0))

        return ask

    def inside(work: Callable[..., object]) -> Callable[[Store], object]:
        def ask(store: Store) -> object:
            with store.reading() as session:
                return work(session)

        return ask

    return {
        **{name: page(*asked) for name, asked in filters.items()},
        "ids of a filter": inside(lambda session: select_ids(session, Filter(), limit=10_000)),
        "proposals that wait": inside(waiting_by_campaign),
        "decisions of all": inside(select_decisions),
        "decisions of one": inside(lambda session: select_decisions(session, names[0], in_force=True)),
        "allow-list of a day": lambda store: store.allowed(FIRST),
    }


def _milliseconds(store: Store, work: Callable[[Store], object]) -> float:
    took = []
    for _ in range(REPEAT):
        started = time.perf_counter()
        work(store)
        took.append(1e3 * (time.perf_counter() - started))
    return statistics.median(took)


@contextmanager
def _clicks(store: Store) -> Iterator[list[float]]:
    """Ask for a turn to write, again and again; how long each waited, in seconds."""
    over = threading.Event()
    waited: list[float] = []

    def click() -> None:
        while not over.wait(0.01):
            started = time.perf_counter()
            with store.writing():
                waited.append(time.perf_counter() - started)

    clicking = threading.Thread(target=click)
    clicking.start()
    try:
        yield waited
    finally:
        over.set()
        clicking.join()
        waited.append(0.0)


def _tend(store: Store) -> None:
    """What PostgreSQL does by itself in the course of a month."""
    if store.dialect.name != "postgresql":
        return
    engine = create_engine(os.environ[URL_VARIABLE], isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


def _decide(store: Store, names: list[str], day: date) -> None:
    """Every tenth decision is taken back; others of the campaigns wait for a second person."""
    with store.writing() as session:
        for number, name in enumerate(names):
            verdict = list(Verdict)[number % len(Verdict)]
            made = record(session, name, verdict, reason="dealt-out slots", author="ada", clock=lambda: NOW)
            if number % 10 == 0:
                take_back(session, made.id, reason="too early", author="bob", clock=lambda: NOW)
        for name in names[:PROPOSALS]:
            target = Target(campaign_id=name, day=day, run_id=f"{day}.1", n_accounts=300)
            intent = Intent(
                verdict=Verdict.CONFIRMED, targets=(target,), n_accounts=300, reason="cards", author="ada"
            )
            act(session, intent, second_person_accounts=200, clock=lambda: NOW)


def _campaign(name: str, rng: np.random.Generator) -> CampaignRecord:
    number = int(name.removeprefix("c-"), 16)
    words = " ".join(WORDS[place] for place in rng.integers(0, len(WORDS), 60))
    return CampaignRecord(
        campaign_id=name,
        n_prompts=int(rng.integers(20, 500)),
        n_accounts=int(rng.integers(5, 90)),
        tier=list(Tier)[number % len(Tier)],
        score=float(rng.random()),
        title=f"Grades essays, of kind {number}",
        objective=list(Objective)[number % len(Objective)],
        template=f"Grade this essay: {{text}} {words}",
        operator_id=f"o-{number // 4}" if number % 40 < 4 else None,
        wordings=(
            WordingRecord(
                variant=0,
                features=rng.integers(0, 2**63, FEATURES).astype(np.uint64),
                weights=np.ones(FEATURES, np.float32),
                direction=np.ones(DIMENSIONS, np.float16),
                encoder="none",
            ),
        ),
        lineage=(Lineage(event=Event.KEPT, reason="found again by its template", figures={"overlap": 0.5}),),
    )


def _run(day: date) -> PublishedRun:
    return PublishedRun(
        run_id=f"{day}.1",
        day=day,
        attempt=1,
        fingerprint="f",
        digest=str(day),
        path=f"runs/{day}/1",
        counts={},
        published_at=NOW,
    )
