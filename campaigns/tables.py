"""The tables of the store, as typed SQLAlchemy models.

    runs ──< campaign_days >── campaigns ──< lineage
     │            │
    days     campaign_wordings   matcher_days   decisions   answers   allow_list   day_locks   seeds ──< seed_events

`campaigns.review_tables` has the tables of what people do besides.

`days` is the pointer: a run is published when its day points to it. `campaign_days` holds what the published
run of a day said about a campaign. `campaigns` holds what outlasts a day and is derived from `campaign_days`:
what a campaign is called is what its latest day calls it, so the order in which days are run leaves no trace.

Models stay inside the floor. The rest of Shoal sees the dataclasses of `campaigns.entries`; `entry()` makes
them.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from campaigns.entries import (
    AllowEntry,
    AllowKind,
    Answer,
    CampaignDay,
    CampaignSummary,
    Decision,
    Event,
    Fingerprint,
    KnownWording,
    LineageEntry,
    PublishedRun,
    RelatedEntry,
    Seed,
    SeedEvent,
    SeedRecord,
    Tlp,
    Verdict,
)
from campaigns.errors import IntegrityError
from campaigns.records import MatcherState, Objective, Tier

FEATURES = np.dtype("<u8")
WEIGHTS = np.dtype("<f4")
DIRECTION = np.dtype("<f2")
"""How `campaign_wordings` holds its arrays, whatever the machine."""

_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


def storable(given: str) -> str:
    """Text as the database gives it back: NUL and lone surrogates become U+FFFD."""
    return given.translate(_UNSTORABLE)


class CleanText(TypeDecorator[str]):
    """Text that any database takes: NUL and lone surrogates become U+FFFD.

    Titles and templates come out of hostile prompts. PostgreSQL refuses NUL, UTF-8 has no surrogates; the
    exact text is in the run's Parquet files.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 the base names it
        return None if value is None else storable(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant, UTC on both ways because SQLite forgets time zones; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 the name and form are SQLAlchemy's
        str: CleanText,
        datetime: UtcDateTime,
        float: Double,
        bytes: LargeBinary,
        dict[str, Any]: JSON,
    }


class RunRow(Base):
    """The ledger of runs that were ever published; rows are only added."""

    __tablename__ = "runs"
    __table_args__ = (UniqueConstraint("day", "attempt"),)

    run_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date]
    attempt: Mapped[int]
    fingerprint: Mapped[str]
    digest: Mapped[str]
    path: Mapped[str]
    counts: Mapped[dict[str, Any]]
    published_at: Mapped[datetime]
    manifest_sha256: Mapped[str | None]

    def entry(self) -> PublishedRun:
        return PublishedRun(
            run_id=self.run_id,
            day=self.day,
            attempt=self.attempt,
            fingerprint=self.fingerprint,
            digest=self.digest,
            path=self.path,
            counts=self.counts,
            manifest_sha256=self.manifest_sha256,
            published_at=self.published_at,
        )


class DayRow(Base):
    __tablename__ = "days"

    day: Mapped[date] = mapped_column(primary_key=True)
    current_run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"))


class CampaignRow(Base):
    """What outlasts a day: how the latest day shows the campaign, what people call it, and what they decided.

    All of it can be had from `campaign_days`, `labels` and `decisions` (`campaigns.current`); it stands here so that
    the queue reads one table.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        Index("ix_campaigns_queue", "state", "score", "campaign_id"),
        Index("ix_campaigns_operator_id", "operator_id"),
    )

    campaign_id: Mapped[str] = mapped_column(primary_key=True)
    first_day: Mapped[date] = mapped_column(index=True)
    last_day: Mapped[date] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(server_default="open")
    run_id: Mapped[str] = mapped_column(server_default=text("''"))
    tier: Mapped[str] = mapped_column(server_default=text("''"))
    score: Mapped[float] = mapped_column(server_default=text("0"))
    n_prompts: Mapped[int] = mapped_column(server_default=text("0"))
    n_accounts: Mapped[int] = mapped_column(server_default=text("0"))
    operator_id: Mapped[str | None]
    title: Mapped[str] = mapped_column(server_default=text("''"))
    objective: Mapped[str] = mapped_column(server_default=text("''"))
    template: Mapped[str] = mapped_column(server_default=text("''"))
    labelled: Mapped[bool] = mapped_column(server_default=false())
    verdict: Mapped[str | None]

    def summary(self, on_day: CampaignDayRow) -> CampaignSummary:
        """What a person called it holds on every day."""
        told = asdict(on_day.entry())
        if self.labelled:
            told |= {"title": self.title, "objective": Objective(self.objective)}
        return CampaignSummary(
            **told,
            first_day=self.first_day,
            last_day=self.last_day,
            state=self.state,
            labelled=self.labelled,
            verdict=None if self.verdict is None else Verdict(self.verdict),
        )


class CampaignDayRow(Base):
    __tablename__ = "campaign_days"
    __table_args__ = (
        CheckConstraint("score >= 0 AND score <= 1", name="score"),
        CheckConstraint("n_prompts >= 0 AND n_accounts >= 0", name="counts"),
    )

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.campaign_id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True, index=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"))
    n_prompts: Mapped[int]
    n_accounts: Mapped[int]
    tier: Mapped[str]
    score: Mapped[float]
    title: Mapped[str]
    objective: Mapped[str]
    template: Mapped[str]
    operator_id: Mapped[str | None]

    def entry(self) -> CampaignDay:
        return CampaignDay(
            campaign_id=self.campaign_id,
            day=self.day,
            run_id=self.run_id,
            n_prompts=self.n_prompts,
            n_accounts=self.n_accounts,
            tier=Tier(self.tier),
            score=self.score,
            title=self.title,
            objective=Objective(self.objective),
            template=self.template,
            operator_id=self.operator_id,
        )


class WordingRow(Base):
    """What marked a wording of a campaign on a day; families of later days are compared with it.

    `features` are little-endian uint64, `weights` little-endian float32, one each per feature; `direction` is
    little-endian float16.
    """

    __tablename__ = "campaign_wordings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["campaign_id", "day"], ["campaign_days.campaign_id", "campaign_days.day"], ondelete="CASCADE"
        ),
    )

    campaign_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    variant: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    features: Mapped[bytes]
    weights: Mapped[bytes]
    direction: Mapped[bytes]
    encoder: Mapped[str]

    def entry(self) -> KnownWording:
        """
        Raises:
            IntegrityError: the arrays do not belong together.
        """
        n_features, torn = divmod(len(self.features), FEATURES.itemsize)
        if (
            torn
            or len(self.weights) != n_features * WEIGHTS.itemsize
            or len(self.direction) % DIRECTION.itemsize
        ):
            raise IntegrityError(
                f"a wording of campaign {self.campaign_id} on {self.day} is damaged",
                where=f"table {self.__tablename__}",
                hint=f"Run {self.day} again with --force.",
            )
        return KnownWording(
            campaign_id=self.campaign_id,
            day=self.day,
            variant=self.variant,
            features=np.frombuffer(self.features, FEATURES).astype(np.uint64, copy=False),
            weights=np.frombuffer(self.weights, WEIGHTS).astype(np.float32, copy=False),
            direction=np.frombuffer(self.direction, DIRECTION).astype(np.float16, copy=False),
            encoder=self.encoder,
        )


class MatcherDayRow(Base):
    """Whom a matcher met on a day; see `campaigns.collisions.Met`, whose figures these are.

    No key leads to `campaigns`: matchers that are no campaign's wording are measured too.
    """

    __tablename__ = "matcher_days"

    campaign_id: Mapped[str] = mapped_column(primary_key=True)
    variant: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True, index=True)
    prompts: Mapped[int]
    matches: Mapped[int]
    accounts: Mapped[int]
    loose_matches: Mapped[int]
    loose_accounts: Mapped[int]
    of_members: Mapped[int]
    own: Mapped[int]


class LineageRow(Base):
    __tablename__ = "lineage"
    __table_args__ = (UniqueConstraint("campaign_id", "day", "event"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.campaign_id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(index=True)
    event: Mapped[str]
    other_id: Mapped[str | None]
    reason: Mapped[str]
    figures: Mapped[dict[str, Any]]

    def entry(self) -> LineageEntry:
        return LineageEntry(**self._told())

    def related(self) -> RelatedEntry:
        return RelatedEntry(campaign_id=self.campaign_id, **self._told())

    def _told(self) -> dict[str, Any]:
        return {
            "day": self.day,
            "event": Event(self.event),
            "reason": self.reason,
            "figures": self.figures,
            "other_id": self.other_id,
        }


class AllowRow(Base):
    """Known benign: see `campaigns.entries.AllowKind`. An id is never given twice: notes may refer to it."""

    __tablename__ = "allow_list"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 the name and form are SQLAlchemy's

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    value: Mapped[str]
    reason: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]
    expires_on: Mapped[date | None]

    def entry(self) -> AllowEntry:
        return AllowEntry(
            id=self.id,
            kind=AllowKind(self.kind),
            value=self.value,
            reason=self.reason,
            author=self.author,
            created_at=self.created_at,
            expires_on=self.expires_on,
        )


class DecisionRow(Base):
    """What analysts decided; rows are only added. See `campaigns.entries.Decision`.

    No key leads to `campaigns`: those rows go when a day is done again, and what a person said stays. The ledger of
    runs stays too, so `run_id` finds the very evidence that was looked at.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("undoes"),
        CheckConstraint("(verdict IS NULL) <> (undoes IS NULL)", name="verdict"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(index=True)
    day: Mapped[date]
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"))
    verdict: Mapped[str | None]
    reason: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("decisions.id"))
    expires_on: Mapped[date | None]
    proposal_id: Mapped[int | None]

    def entry(self) -> Decision:
        return Decision(
            id=self.id,
            campaign_id=self.campaign_id,
            day=self.day,
            run_id=self.run_id,
            verdict=None if self.verdict is None else Verdict(self.verdict),
            reason=self.reason,
            author=self.author,
            created_at=self.created_at,
            undoes=self.undoes,
            expires_on=self.expires_on,
            proposal_id=self.proposal_id,
        )


class AnswerRow(Base):
    """Which campaigns are older ones gone on, as people say; rows are only added. See `campaigns.entries.Answer`.

    As with decisions, no key leads to `campaigns`: what a person said stays when a day is done again.
    """

    __tablename__ = "answers"
    __table_args__ = (
        CheckConstraint("campaign_id <> other_id", name="other"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[str] = mapped_column(index=True)
    other_id: Mapped[str]
    same: Mapped[bool]
    reason: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime]

    def entry(self) -> Answer:
        return Answer(
            id=self.id,
            campaign_id=self.campaign_id,
            other_id=self.other_id,
            same=self.same,
            reason=self.reason,
            author=self.author,
            created_at=self.created_at,
        )


class SeedRow(Base):
    """What a partner told us of. See `campaigns.entries.Seed`; arrays as in `campaign_wordings`."""

    __tablename__ = "seeds"
    __table_args__ = (
        CheckConstraint("(template_json <> '') <> (features IS NOT NULL)", name="content"),
        CheckConstraint("(state IS NULL) = (template_json = '')", name="state"),
        CheckConstraint(
            "(removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_reason IS NULL)",
            name="removed",
        ),
    )

    seed_id: Mapped[str] = mapped_column(primary_key=True)
    partner: Mapped[str]
    tlp: Mapped[str]
    note: Mapped[str]
    objective: Mapped[str | None]
    first_seen: Mapped[date | None]
    last_seen: Mapped[date | None]
    template_json: Mapped[str]
    features: Mapped[bytes | None]
    weights: Mapped[bytes | None]
    tokens: Mapped[int | None]
    imported_at: Mapped[datetime]
    imported_by: Mapped[str]
    source: Mapped[str]
    source_sha256: Mapped[str]
    state: Mapped[str | None]
    reason: Mapped[str]
    anywhere: Mapped[bool]
    organic_matches: Mapped[int]
    organic_prompts: Mapped[int]
    collision_bound: Mapped[float]
    measured_on: Mapped[date | None]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None]
    removed_reason: Mapped[str | None]

    @classmethod
    def of(cls, seed: Seed) -> SeedRow:
        values = {name: getattr(seed, name) for name in _SEED_COLUMNS}
        mark = seed.fingerprint
        if mark is not None:
            values |= {
                "features": np.array(mark.features, FEATURES).tobytes(),
                "weights": np.array(mark.weights, WEIGHTS).tobytes(),
                "tokens": mark.tokens,
            }
        return cls(**values)

    def entry(self) -> Seed:
        values = {name: getattr(self, name) for name in _SEED_COLUMNS}
        return Seed(
            **values
            | {
                "tlp": Tlp(self.tlp),
                "objective": None if self.objective is None else Objective(self.objective),
                "state": None if self.state is None else MatcherState(self.state),
                "fingerprint": self._fingerprint(),
            }
        )

    def _fingerprint(self) -> Fingerprint | None:
        """
        Raises:
            IntegrityError: the arrays do not belong together.
        """
        if self.features is None or self.weights is None or self.tokens is None:
            return None
        n_features, torn = divmod(len(self.features), FEATURES.itemsize)
        if torn or len(self.weights) != n_features * WEIGHTS.itemsize:
            raise IntegrityError(
                f"the fingerprint of seed {self.seed_id} is damaged",
                where=f"table {self.__tablename__}",
                hint="Remove the seed and import it again with --again.",
            )
        return Fingerprint(
            tuple(np.frombuffer(self.features, FEATURES).tolist()),
            tuple(np.frombuffer(self.weights, WEIGHTS).tolist()),
            self.tokens,
        )


_SEED_COLUMNS = tuple(field.name for field in fields(Seed) if field.name != "fingerprint")


class SeedEventRow(Base):
    """Who did what to a seed; rows are only added. See `campaigns.entries.SeedRecord`."""

    __tablename__ = "seed_events"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 the name and form are SQLAlchemy's

    id: Mapped[int] = mapped_column(primary_key=True)
    seed_id: Mapped[str] = mapped_column(ForeignKey("seeds.seed_id"), index=True)
    event: Mapped[str]
    reason: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]

    def entry(self) -> SeedRecord:
        return SeedRecord(
            id=self.id,
            seed_id=self.seed_id,
            event=SeedEvent(self.event),
            reason=self.reason,
            author=self.author,
            at=self.at,
        )


class DayLockRow(Base):
    """Who may write a day. A released lock keeps its row without a holder: the token only ever rises."""

    __tablename__ = "day_locks"
    __table_args__ = (CheckConstraint("token >= 1", name="token"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    holder: Mapped[str | None]
    token: Mapped[int]
    lease_until: Mapped[datetime]
