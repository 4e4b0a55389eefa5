"""The store: what a person edits or enforcement reads, in SQLite by default and PostgreSQL by URL.

    with Store.open(settings) as store:
        store.latest_day()
        store.campaigns(tier=Tier.REVIEW)

The dataclasses of `campaigns.entries` go in and come out. Each query is one transaction and so sees one
state, also while a run is being published. `campaigns.publish` writes a run, `campaigns.locks` says who may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Dialect, func, select, text
from sqlalchemy.orm import Session

from campaigns.allow import allow, disallow, select_allowed
from campaigns.answers import open_questions, record_answer, standing_answers
from campaigns.audit import KEY_IN_SESSION, Anchor, audit_key, head, verify_audit
from campaigns.collisions import Limits
from campaigns.database import Database, migrate
from campaigns.decisions import latest, record, select_decisions, take_back
from campaigns.entries import (
    AllowEntry,
    AllowKind,
    Answer,
    CampaignHistory,
    CampaignSummary,
    Clock,
    Decision,
    KnownCampaign,
    KnownMatcher,
    PublishedRun,
    RelatedEntry,
    Seed,
    SeedRecord,
    SeedsAdded,
    Verdict,
    utc_now,
)
from campaigns.errors import IntegrityError
from campaigns.history import select_history
from campaigns.known import select_known
from campaigns.known_matchers import (
    judged,
    read_known,
    select_held,
    select_latest_wordings,
    select_met,
    select_suspected,
)
from campaigns.outbox import DELAY_IN_SESSION, Delay
from campaigns.records import Tier
from campaigns.seeds import (
    add_seeds,
    record_collisions,
    remove,
    select_events,
    select_seed,
    select_seeds,
    state_of_seeds,
)
from campaigns.settings import Settings
from campaigns.tables import (
    CampaignDayRow,
    CampaignRow,
    DayRow,
    RunRow,
    SeedRow,
    WordingRow,
)


class Store:
    """The open store; safe to share between threads, not across a fork."""

    def __init__(
        self,
        database: Database,
        home: Path | None = None,
        limits: Limits | None = None,
        secret: str = "",
        delay: Delay | None = None,
    ) -> None:
        self._database = database
        self._home = home
        self._limits = limits or Limits()
        self._info = {KEY_IN_SESSION: audit_key(secret), DELAY_IN_SESSION: delay or Delay()}
        self.where = database.where
        """The URL without its password, for messages."""

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the store that the settings name, make it if it is not there, bring its schema up to date.

        Raises:
            UsageError: it cannot be reached, or a newer Shoal has written it.
            IntegrityError: it is damaged, or not Shoal's.
        """
        url: str | URL = settings.store_url.get_secret_value()
        if not url:
            settings.home.mkdir(parents=True, exist_ok=True)
            url = URL.create("sqlite", database=str(settings.home.resolve() / "shoal.db"))
        secret = settings.secret_key.get_secret_value()
        wait = settings.delivery
        delay = Delay(timedelta(minutes=wait.delay_minutes), timedelta(minutes=wait.jitter_minutes))
        return cls.open_url(url, settings.home, Limits.of(settings), secret, delay)

    @classmethod
    def open_url(
        cls,
        url: str | URL,
        home: Path | None = None,
        limits: Limits | None = None,
        secret: str = "",
        delay: Delay | None = None,
    ) -> Self:
        """As `open`; the folder of a SQLite file has to exist.

        Args:
            home: holds the runs, where they are asked for.
            limits: by which matchers are judged; None: those of the settings' defaults.
            secret: from which the key of the audit log is made; empty: it has none.
            delay: how long messages to enforcement wait; None: not at all.
        """
        database = Database(url)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database, home, limits, secret, delay)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that sees one state from start to end and never makes a writer wait."""
        with (
            self._database.errors_in_words(),
            Session(self._database.reader, info=self._info) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes. It starts when no other one is open; keep it short.

        Raises:
            LockHeldError: others wrote for longer than `database.WAIT_SECONDS`.
            DiskFullError: no room; nothing was changed.
        """
        with (
            self._database.errors_in_words(),
            Session(self._database.writer, info=self._info) as session,
            session.begin(),
        ):
            session.connection()  # wait for our turn here, not at the first statement
            yield session

    def compact(self) -> None:
        """Let go of what was deleted; see `Database.compact`. No unit may be open in this process."""
        self._database.compact()

    @property
    def dialect(self) -> Dialect:
        """Of the database, for rows that are made ready before a unit starts."""
        return self._database.writer.dialect

    # -- runs ------------------------------------------------------------------------------------------

    def current_run(self, day: date) -> PublishedRun | None:
        """The run that the day points to."""
        with self.reading() as session:
            row = session.scalar(
                select(RunRow).join(DayRow, DayRow.current_run_id == RunRow.run_id).where(DayRow.day == day)
            )
            return None if row is None else row.entry()

    def run(self, run_id: str) -> PublishedRun | None:
        """A run that was published, whether its day still points to it or not."""
        with self.reading() as session:
            row = session.get(RunRow, run_id)
            return None if row is None else row.entry()

    def first_pass(self, day: date) -> PublishedRun | None:
        """The run that discovered the day: the one it points to, or that which this, a second pass, rests on.

        Its figures are those of an even sample, so days are compared by it.

        Raises:
            IntegrityError: the ledger does not know it.
        """
        current = self.current_run(day)
        if current is None or current.first_pass is None:
            return current
        found = self.run(current.first_pass)
        if found is None:
            raise IntegrityError(f"the ledger lacks the first pass of {day}, {current.first_pass}")
        return found

    def latest_day(self) -> date | None:
        with self.reading() as session:
            return session.scalar(select(func.max(DayRow.day)))

    def published_days(self) -> list[date]:
        """Oldest first."""
        with self.reading() as session:
            return list(session.scalars(select(DayRow.day).order_by(DayRow.day)))

    # -- campaigns -------------------------------------------------------------------------------------

    def campaigns(self, day: date | None = None, *, tier: Tier | None = None) -> list[CampaignSummary]:
        """Campaigns of a day, or all of them, each as of its latest day; highest score first, then by id."""
        at = CampaignDayRow.day == (CampaignRow.last_day if day is None else day)
        query = (
            select(CampaignRow, CampaignDayRow)
            .join(CampaignDayRow, (CampaignDayRow.campaign_id == CampaignRow.campaign_id) & at)
            .order_by(CampaignDayRow.score.desc(), CampaignRow.campaign_id)
        )
        if tier is not None:
            query = query.where(CampaignDayRow.tier == tier)
        with self.reading() as session:
            return [campaign.summary(on_day) for campaign, on_day in session.execute(query)]

    def campaign(self, campaign_id: str) -> CampaignHistory:
        """
        Raises:
            UsageError: nobody knows this id.
        """
        with self.reading() as session:
            return select_history(session, campaign_id)

    def known_campaigns(
        self, before: date, *, latest_days: int, first_pass: Sequence[KnownCampaign] = ()
    ) -> list[KnownCampaign]:
        """Every campaign of the days strictly before `before`, by id, each wording as of its latest day.

        Strictly: a day that is run again must not meet the ids that it gave itself.

        Args:
            latest_days: of how many of its days, the latest ones, `runs` names the folders.
            first_pass: campaigns of the day `before` itself, which a second pass over it knows too.

        Raises:
            IntegrityError: a wording is damaged.
        """
        with self.reading() as session:
            return select_known(session, before, latest_days, first_pass)

    def known_matchers(
        self,
        before: date | None = None,
        *,
        first_pass: PublishedRun | None = None,
        campaign_id: str = "",
        skip_gone: bool = False,
    ) -> list[KnownMatcher]:
        """The wordings of each campaign as they are known before `before`; by campaign_id and variant.

        The template is that of the wording's latest day; state and figures are those of all days together on which it
        was tried (`campaigns.collisions`). Campaigns that another has taken in and retired ones have none: what they
        sent is the other's, or forgotten.

        Args:
            campaign_id: only of this campaign.
            skip_gone: leave out those of runs whose files are gone.

        Args:
            first_pass: a run of the day `before` itself, whose wordings are the latest.

        Raises:
            IntegrityError: the files of a run are gone, or the store was opened without its home.
        """
        with self.reading() as session:
            held = select_held(session)
            found = select_latest_wordings(session, before, held)
            met = select_met(session, before, held)
            suspected = select_suspected(session, before)
        wanted = [one for one in found if campaign_id in ("", one.campaign_id)]
        known = read_known(self._home, wanted, held, first_pass, skip_gone=skip_gone)
        known = [replace(entry, suspected=entry.campaign_id in suspected) for entry in known]
        return judged(known, met, self._limits)

    def published_state(self) -> str:
        """Changes whenever a run is published, and costs one small query."""
        with self.reading() as session:
            days = session.execute(select(DayRow.day, DayRow.current_run_id).order_by(DayRow.day))
            return hashlib.sha256(repr([tuple(row) for row in days]).encode()).hexdigest()

    def first_days(self, before: date) -> dict[str, date]:
        """Since when each campaign is known, of those known before a day."""
        query = select(CampaignDayRow.campaign_id, func.min(CampaignDayRow.day)).where(
            CampaignDayRow.day < before
        )
        with self.reading() as session:
            rows = session.execute(query.group_by(CampaignDayRow.campaign_id)).tuples()
            return dict(rows.all())

    # -- allow-list ------------------------------------------------------------------------------------

    def allowed(self, day: date) -> list[AllowEntry]:
        """Entries that hold on a day. A new one speaks for earlier days too. See `campaigns.allow.select_allowed`."""
        with self.reading() as session:
            return select_allowed(session, day)

    def allow_list(self) -> list[AllowEntry]:
        """Every entry, expired ones too. See `campaigns.allow.select_allowed`."""
        with self.reading() as session:
            return select_allowed(session)

    def add_allow(
        self,
        kind: AllowKind,
        value: str,
        *,
        reason: str,
        author: str,
        expires_on: date | None = None,
        clock: Clock = utc_now,
    ) -> AllowEntry:
        """See `campaigns.allow.allow`."""
        with self.writing() as session:
            return allow(
                session, kind, value, reason=reason, author=author, expires_on=expires_on, clock=clock
            )

    def remove_allow(self, entry_id: int, *, author: str, clock: Clock = utc_now) -> None:
        """See `campaigns.allow.disallow`."""
        with self.writing() as session:
            disallow(session, entry_id, author=author, clock=clock)

    # -- identity --------------------------------------------------------------------------------------

    def answer(
        self, campaign_id: str, other_id: str, *, same: bool, reason: str, author: str, clock: Clock = utc_now
    ) -> Answer:
        """See `campaigns.answers.record_answer`."""
        with self.writing() as session:
            return record_answer(
                session, campaign_id, other_id, same=same, reason=reason, author=author, clock=clock
            )

    def answers(self) -> dict[str, Answer]:
        """See `campaigns.answers.standing_answers`."""
        with self.reading() as session:
            return standing_answers(session)

    def questions(self) -> list[RelatedEntry]:
        """See `campaigns.answers.open_questions`."""
        with self.reading() as session:
            return open_questions(session)

    # -- decisions -------------------------------------------------------------------------------------

    def decide(
        self,
        campaign_id: str,
        verdict: Verdict,
        *,
        reason: str,
        author: str,
        day: date | None = None,
        expires_on: date | None = None,
        clock: Clock = utc_now,
    ) -> Decision:
        """See `campaigns.decisions.record`."""
        with self.writing() as session:
            return record(
                session,
                campaign_id,
                verdict,
                reason=reason,
                author=author,
                day=day,
                expires_on=expires_on,
                clock=clock,
            )

    def undo(self, decision_id: int, *, reason: str, author: str, clock: Clock = utc_now) -> Decision:
        """See `campaigns.decisions.take_back`."""
        with self.writing() as session:
            return take_back(session, decision_id, reason=reason, author=author, clock=clock)

    def decisions(self, campaign_id: str | None = None, *, in_force: bool = False) -> list[Decision]:
        """See `campaigns.decisions.select_decisions`."""
        with self.reading() as session:
            return select_decisions(session, campaign_id, in_force=in_force)

    def standing(self, campaign_id: str | None = None) -> dict[str, Decision]:
        """The decision that stands, by campaign: the latest that was not taken back."""
        return latest(self.decisions(campaign_id, in_force=True))

    # -- seeds -----------------------------------------------------------------------------------------

    def add_seeds(self, seeds: Sequence[Seed], *, again: bool = False, dry_run: bool = False) -> SeedsAdded:
        """All of them or none; with `dry_run` none. See `campaigns.seeds.add_seeds`."""
        with self.writing() as session:
            added = add_seeds(session, seeds, again=again)
            if dry_run:
                session.rollback()
            return added

    def remove_seed(self, seed_id: str, *, reason: str, author: str, clock: Clock = utc_now) -> Seed:
        """See `campaigns.seeds.remove`."""
        with self.writing() as session:
            return remove(session, seed_id, reason=reason, author=author, clock=clock)

    def seeds(self, *, removed: bool = True) -> list[Seed]:
        """See `campaigns.seeds.select_seeds`."""
        with self.reading() as session:
            return select_seeds(session, removed=removed)

    def seed(self, seed_id: str) -> Seed:
        """See `campaigns.seeds.select_seed`."""
        with self.reading() as session:
            return select_seed(session, seed_id)

    def seed_records(self, seed_id: str) -> list[SeedRecord]:
        """See `campaigns.seeds.select_events`."""
        with self.reading() as session:
            return select_events(session, seed_id)

    def seed_matchers(self) -> list[KnownMatcher]:
        """Templates of the seeds that are not removed, whatever was measured of them, by id.

        The seed's id stands in `campaign_id`. Only `MatcherState.USABLE` ones are live.
        """
        return [seed.matcher for seed in self.seeds(removed=False) if seed.matcher is not None]

    def record_seed_collisions(self, measured: Iterable[KnownMatcher]) -> None:
        """See `campaigns.seeds.record_collisions`."""
        with self.writing() as session:
            record_collisions(session, measured)

    def seeds_state(self) -> str:
        """See `campaigns.seeds.state_of_seeds`."""
        with self.reading() as session:
            return state_of_seeds(session)

    # -- health ----------------------------------------------------------------------------------------

    def audit_head(self) -> Anchor:
        """How the audit log stands, for the manifest of a run."""
        with self.reading() as session:
            return head(session)

    def verify(self, anchors: Sequence[Anchor] = ()) -> list[str]:
        """Look for damage; return what is wrong, in words.

        Args:
            anchors: heads of the audit log that runs noted.
        """
        problems: list[str] = []
        try:
            with self.reading() as session:
                if session.get_bind().dialect.name == "sqlite":
                    found = session.scalars(text("PRAGMA integrity_check")).all()
                    problems += [f"store: {line}" for line in found if line != "ok"]
                    orphans = session.execute(text("PRAGMA foreign_key_check"))
                    problems += [f"store: row {row[1]} of {row[0]} has no {row[2]}" for row in orphans]
                for row in (*session.scalars(select(WordingRow)), *session.scalars(select(SeedRow))):
                    try:
                        row.entry()
                    except IntegrityError as error:
                        problems.append(f"store: {error.what}")
                problems += verify_audit(session, anchors).problems
        except IntegrityError as error:  # too damaged to be read to the end
            problems.append(f"store: {error.what}")
        return problems
