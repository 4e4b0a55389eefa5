"""Keeping only what is needed: what every kind of data is worth keeping for, and clearing what is older.

    prompts    texts of runs, and what was made of them; figures, ids and findings stay
    runs       folders of attempts that no day points to and nobody decided on
    cache      vectors, by the age of their file; a text that comes again is encoded again
    messages   bodies of messages that every sink is done with
    sessions   sessions and sign-ins that are over

Each kind has its setting in the section `retention`; 0 keeps it for good.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from campaigns import rewriting
from campaigns.audit import Action, append
from campaigns.delivery_tables import DeliveryRow, MessageRow
from campaigns.entries import FIRST_RUN, Clock, utc_now
from campaigns.erasure import complete_runs
from campaigns.failpoints import failpoint
from campaigns.locks import held
from campaigns.review_tables import ProposalRow, SessionRow, TicketRow
from campaigns.rewriting import Note, Staged
from campaigns.runs import Run, discard
from campaigns.settings import Settings
from campaigns.store import Store
from campaigns.tables import DayRow, DecisionRow, RunRow

CLEARED: Final = "cleared"
"""The list of the manifest that says when the texts of a run went."""
_SETTLED: Final = ("delivered", "superseded")


@dataclass(frozen=True, slots=True)
class Cleared:
    """How much of each kind went, or in a dry run would go: runs whose texts, run folders, files of vectors, bodies,
    sessions and tickets."""

    prompts: int = 0
    runs: int = 0
    cache: int = 0
    messages: int = 0
    sessions: int = 0

    @property
    def total(self) -> int:
        return self.prompts + self.runs + self.cache + self.messages + self.sessions


def retain(
    settings: Settings, store: Store, *, author: str, dry_run: bool = False, clock: Clock = utc_now
) -> Cleared:
    """Clear what is older than its setting says. Cut short, the next call ends what was begun.

    Raises:
        LockHeldError: a run is at work on a day that something has to go from. What was done so far stays done.
        IntegrityError: a run is damaged, so that its texts cannot be taken out without making it look sound.
    """
    return _Retention(settings, store, author, clock).work(dry_run=dry_run)


class _Retention:
    def __init__(self, settings: Settings, store: Store, author: str, clock: Clock) -> None:
        self._settings, self._store, self._author = settings, store, author
        self._periods = settings.retention
        self._now = clock()
        self._clock = clock

    def work(self, *, dry_run: bool) -> Cleared:
        going = self._going_runs()
        gone = {run.run_id for run in going}
        texts = [run for run in self._old_texts() if run.run_id not in gone]
        shards = list(self._old_shards())
        with self._store.writing() as session:
            bodies, sessions = self._clear_store(session)
            if dry_run:
                session.rollback()
        found = Cleared(len(texts), len(going), len(shards), bodies, sessions)
        if dry_run:
            return found
        failpoint("retain:store")
        for run in texts:
            self._blank(run)
        for run in going:
            with self._held(run.day):
                discard(run.path)
            failpoint("retain:run")
        for path in shards:
            path.unlink(missing_ok=True)
        if found.total:
            self._store.compact()
            self._tell(found)
        return found

    def _before(self, days: int) -> date:
        return self._now.date() - timedelta(days=days)

    def _held(self, day: date) -> Any:
        return held(self._store, day, lease_seconds=self._settings.flow.lock_lease_seconds)

    # -- runs ------------------------------------------------------------------------------------------

    def _going_runs(self) -> list[Run]:
        """Attempts that are old, and that neither a day, nor a decision, nor a proposal, nor a second pass rests on."""
        if not self._periods.run_days:
            return []
        kept = self._rested_on()
        before = self._before(self._periods.run_days)
        return [
            run for run in complete_runs(self._settings.home) if run.day < before and run.run_id not in kept
        ]

    def _rested_on(self) -> set[str]:
        with self._store.reading() as session:
            current = set(session.scalars(select(DayRow.current_run_id)))
            decided = set(session.scalars(select(DecisionRow.run_id)))
            counts = session.scalars(select(RunRow.counts).where(RunRow.run_id.in_(current | decided)))
            first = {str(one[f"{FIRST_RUN}run_id"]) for one in counts if f"{FIRST_RUN}run_id" in one}
            waiting = session.scalars(select(ProposalRow.targets).where(ProposalRow.outcome.is_(None)))
            proposed = {str(target["run_id"]) for targets in waiting for target in targets["campaigns"]}
        return current | decided | first | proposed

    def _old_texts(self) -> Iterator[Run]:
        if not self._periods.prompt_days:
            return
        before = self._before(self._periods.prompt_days)
        for run in complete_runs(self._settings.home):
            if run.day < before and (CLEARED not in run.manifest() or rewriting.begun(run.path) is not None):
                yield run

    def _blank(self, run: Run) -> None:
        with self._held(run.day) as lock:
            if rewriting.finish(self._store, lock, run) and CLEARED in run.manifest():
                return
            rewriting.refuse_damaged(run)
            staged = Staged.begin(run.path)
            counts: Counter[str] = Counter()
            for name, table in staged.tables():
                made = _without_texts(name.removesuffix(".parquet"), table)
                if made is not None:
                    staged.put_table(name, made)
                    counts[name.removesuffix(".parquet").partition("/")[0]] += table.num_rows
            rewriting.commit(self._store, lock, run, staged, Note(CLEARED, counts), self._clock)

    def _old_shards(self) -> Iterator[Any]:
        if not self._periods.cache_days:
            return
        before = (self._now - timedelta(days=self._periods.cache_days)).timestamp()
        for path in sorted((self._settings.home / "cache" / "vectors").glob("*/*.shard")):
            if path.stat().st_mtime < before:
                yield path

    # -- the store -------------------------------------------------------------------------------------

    def _clear_store(self, session: Session) -> tuple[int, int]:
        over = self._now - timedelta(days=self._periods.session_days)
        sessions = 0
        for row in (SessionRow, TicketRow):
            old = row.expires_at < over
            sessions += session.scalar(select(func.count()).select_from(row).where(old)) or 0
            session.execute(delete(row).where(old))
        return self._clear_bodies(session) if self._periods.message_days else 0, sessions

    def _clear_bodies(self, session: Session) -> int:
        """Of messages that were settled at every sink they were for, the last of them long ago."""
        before: datetime = self._now - timedelta(days=self._periods.message_days)
        theirs = DeliveryRow.message == MessageRow.id
        open_ = exists().where(
            theirs, DeliveryRow.state.not_in(_SETTLED) | (DeliveryRow.settled_at >= before)
        )
        old = (MessageRow.body.is_not(None), exists().where(theirs), ~open_)
        number = session.scalar(select(func.count()).select_from(MessageRow).where(*old)) or 0
        session.execute(
            update(MessageRow).where(*old).values(body=None).execution_options(synchronize_session=False)
        )
        return number

    def _tell(self, found: Cleared) -> None:
        periods = {name: value for name, value in self._periods.model_dump().items() if value}
        counts = {name: getattr(found, name) for name in Cleared.__slots__}
        with self._store.writing() as session:
            append(
                session,
                actor=self._author,
                action=Action.CLEARED,
                subject="retention",
                details={"cleared": counts, "days": periods},
                at=self._clock(),
            )


def _without_texts(name: str, table: pa.Table) -> pa.Table | None:
    """A table of a run without what people wrote; None if it has none of it."""
    if name == "extras":
        return table.slice(0, 0) if table.num_rows else None
    if name == "slot_values":
        return _filled(table, {"value": ""})
    if name == "labels":
        at = table.schema.get_field_index("template_json")
        blank = [_without_samples(text) for text in table["template_json"].to_pylist()]
        return table.set_column(at, table.schema.field(at), pa.array(blank, pa.string()))
    if name.startswith("prompts/"):
        return _filled(table, {"prompt": "", "system_prompt": None})
    column = {"texts": "skeleton", "representatives": "text"}.get(name)
    return None if column is None else _filled(table, {column: ""})


def _filled(table: pa.Table, values: dict[str, str | None]) -> pa.Table:
    for name, value in values.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array([value] * table.num_rows, pa.string()))
    return table


def _without_samples(text: str) -> str:
    template = json.loads(text)
    for part in template["parts"]:
        if isinstance(part, dict):
            part["values"] = []
    return json.dumps(template, ensure_ascii=False)
