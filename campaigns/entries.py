"""What goes into the store and comes out of it: values without a tie to the database."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from campaigns.records import MatcherState, Objective, Tier
from campaigns.runs import Counts, Run

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Event(StrEnum):
    """What happened to a campaign's id on a day."""

    MINTED = "minted"
    KEPT = "kept"


class Verdict(StrEnum):
    """What an analyst made of a campaign."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    WATCH = "watch"


class AllowKind(StrEnum):
    """What an allow-list entry speaks of; its `value` is

    CAMPAIGN       a `campaign_id`: this campaign, whatever it turns into;
    ORGANIZATION   an `organization_id` as it stands in the run, so the pseudonym where a key is set;
    TEMPLATE       `template_hash(template)`: this wording, whoever sends it and whatever id it has.
    """

    CAMPAIGN = "campaign"
    ORGANIZATION = "organization"
    TEMPLATE = "template_hash"


def template_hash(template: str) -> str:
    """SHA-256, in hex, of a template as displayed (`Template.display()`): form NFC, runs of space as one."""
    canon = " ".join(unicodedata.normalize("NFC", template).split())
    return hashlib.sha256(canon.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRun:
    """A complete run, as the ledger keeps it. `path` is relative to the home folder, with slashes.

    `manifest_sha256` is None for runs that were published before the ledger kept it.
    """

    run_id: str
    day: date
    attempt: int
    fingerprint: str
    digest: str
    path: str
    counts: Counts
    manifest_sha256: str | None = None
    published_at: datetime = field(default_factory=utc_now)

    @classmethod
    def of(cls, run: Run, home: Path, counts: Counts, *, clock: Clock = utc_now) -> Self:
        """Describe a run folder below `home`; its digest comes from its manifest.

        Raises:
            UsageError: the run is not complete.
        """
        return cls(
            run_id=run.run_id,
            day=run.day,
            attempt=run.attempt,
            fingerprint=run.fingerprint,
            digest=str(run.manifest()["digest"]),
            path=run.path.resolve().relative_to(home.resolve()).as_posix(),
            counts=counts,
            manifest_sha256=run.manifest_sha256(),
            published_at=clock(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignDay:
    """What the published run of one day says about a campaign."""

    campaign_id: str
    day: date
    run_id: str
    n_prompts: int
    n_accounts: int
    tier: Tier
    score: float
    title: str
    objective: Objective
    template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary(CampaignDay):
    """A campaign on one day, and what outlasts the day."""

    first_day: date
    last_day: date
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Why a campaign has its id. `figures` stand behind `reason`, `other_id` is whom it was compared with."""

    event: Event
    reason: str
    figures: Counts
    other_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEntry(Lineage):
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignHistory:
    """A campaign with all its days and its lineage, both oldest first."""

    campaign_id: str
    first_day: date
    last_day: date
    state: str
    days: tuple[CampaignDay, ...]
    lineage: tuple[LineageEntry, ...]

    @property
    def latest(self) -> CampaignDay:
        return self.days[-1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CampaignRecord:
    """What a run found out about one campaign, for `campaigns.publish`.

    `features`: uint64 (n,) and `weights`: float32 (n,) are its core on that day. `lineage` holds each event
    once.
    """

    campaign_id: str
    n_prompts: int
    n_accounts: int
    tier: Tier
    score: float
    title: str
    objective: Objective
    template: str
    features: NDArray[np.uint64]
    weights: NDArray[np.float32]
    lineage: tuple[Lineage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownCore:
    """What marked a campaign on `day`. `features`: uint64 (n,); `weights`: float32 (n,)."""

    campaign_id: str
    day: date
    features: NDArray[np.uint64]
    weights: NDArray[np.float32]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of everything it says."""
        name = f"{self.campaign_id} {self.day} {len(self.features)} "
        return hashlib.sha256(name.encode() + self.features.tobytes() + self.weights.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMatcher:
    """A wording of a known campaign as it can be sought in other traffic, and how often it met strangers."""

    campaign_id: str
    variant: int
    day: date
    """The last day on which it was measured."""
    template_json: str
    state: MatcherState
    """Only `USABLE` ones are live."""
    reason: str
    anywhere: bool
    """Also where other text stands before and after."""
    organic_matches: int
    """Prompts of no family that matched, over all days measured."""
    organic_prompts: int
    """Of so many."""
    collision_bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowEntry:
    """Known benign, on the word of `author`. `expires_on` is the last day on which it holds; None: no end."""

    id: int
    kind: AllowKind
    value: str
    reason: str
    author: str
    created_at: datetime
    expires_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What `author` said of a campaign after looking at the run `run_id` of `day`.

    A row that takes an earlier decision back names it in `undoes`, repeats its campaign, day and run, and has no
    verdict of its own.
    """

    id: int
    campaign_id: str
    day: date
    run_id: str
    verdict: Verdict | None
    reason: str
    author: str
    created_at: datetime
    undoes: int | None = None
