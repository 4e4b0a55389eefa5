"""What goes into the store and comes out of it: values without a tie to the database."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from campaigns.covers import Cover
from campaigns.records import MatcherState, Objective, Tier
from campaigns.runs import Counts, Run

Clock = Callable[[], datetime]

FIRST_RUN: Final = "first_pass."
"""Begins the counts that a second pass keeps of the day's first pass, whose id is `first_pass.run_id`."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Event(StrEnum):
    """What happened to a campaign's id on a day.

    MINTED              nothing known is like it;
    KEPT                found again, by its template, its accounts or both;
    SPLIT               a wording of another campaign, whose accounts have parted from it: a new id;
    MERGED              another campaign has taken it in;
    REAWAKENED          found again after it was dormant, or parted from the campaign that had taken it in;
    POSSIBLY_CONTINUES  a new id, and an older campaign that it may continue: a person says;
    DORMANT, RETIRED    not seen for so long.
    """

    MINTED = "minted"
    KEPT = "kept"
    SPLIT = "split"
    MERGED = "merged"
    REAWAKENED = "reawakened"
    POSSIBLY_CONTINUES = "possibly_continues"
    DORMANT = "dormant"
    RETIRED = "retired"


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


class Tlp(StrEnum):
    """How far what a partner told may be passed on, the strictest last: the Traffic Light Protocol 2.0 of FIRST.

    https://www.first.org/tlp/
    """

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"

    def stricter(self, other: Tlp) -> Tlp:
        order = list(Tlp)
        return max(self, other, key=order.index)


class SeedEvent(StrEnum):
    """What somebody did to a seed."""

    IMPORTED = "imported"
    MARKED = "marked more strictly"
    REMOVED = "removed"
    BROUGHT_BACK = "brought back"


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

    @property
    def first_pass(self) -> str | None:
        """Of a second pass: the run whose day it counted again, over whole accounts. None for any other run."""
        name = self.counts.get(f"{FIRST_RUN}run_id")
        return None if name is None else str(name)

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
    operator_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSummary(CampaignDay):
    """A campaign on one day, and what outlasts the day.

    `labelled`: title or objective are a person's. `verdict`: of the decision that stands.
    """

    first_day: date
    last_day: date
    state: str
    labelled: bool = False
    verdict: Verdict | None = None


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


class CampaignState(StrEnum):
    """What a campaign is by the latest published day: seen of late, unseen for so long, or part of another."""

    OPEN = "open"
    DORMANT = "dormant"
    RETIRED = "retired"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Sleep:
    """After how many days unseen a campaign is dormant, and retired."""

    dormant_days: int = 7
    retire_days: int = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedEntry(LineageEntry):
    """What happened to another campaign, `campaign_id`, because of this one."""

    campaign_id: str


class Saying(StrEnum):
    """What a person said of two campaigns: that the newer one is the older gone on, or that the two are apart."""

    ONE = "one"
    ONE_TAKEN_BACK = "one, taken back"
    TWO = "two"
    SPLIT = "split"
    SPLIT_TAKEN_BACK = "split, taken back"


_SAID: Final = {
    Saying.ONE: "said that {} is {} gone on",
    Saying.ONE_TAKEN_BACK: "took back that {} is {} gone on",
    Saying.TWO: "said that {} is not {} gone on",
    Saying.SPLIT: "split {} from {}",
    Saying.SPLIT_TAKEN_BACK: "took back that {} was split from {}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What `author` said of `campaign_id` and `other_id`, the older one; a split-off campaign is the newer."""

    said_at: datetime
    saying: Saying
    campaign_id: str
    other_id: str
    reason: str
    author: str

    @property
    def day(self) -> date:
        """In UTC."""
        return self.said_at.astimezone(UTC).date()

    @property
    def sentence(self) -> str:
        """Who said what, without the reason."""
        return f"{self.author} {_SAID[self.saying].format(self.campaign_id, self.other_id)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignHistory:
    """A campaign with all its days and its lineage, both oldest first.

    Attributes:
        published: days from its first to its last that were published, whether it was seen on them or not.
        wordings: the days of each wording, by its lasting number.
        related: lineage of other campaigns that names this one.
        said: what people said of it and another campaign, oldest first. The runs after that act on it.
    """

    campaign_id: str
    first_day: date
    last_day: date
    state: str
    days: tuple[CampaignDay, ...]
    lineage: tuple[LineageEntry, ...]
    published: tuple[date, ...] = ()
    wordings: Mapping[int, tuple[date, ...]] = field(default_factory=dict)
    related: tuple[RelatedEntry, ...] = ()
    said: tuple[Said, ...] = ()

    @property
    def latest(self) -> CampaignDay:
        return self.days[-1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WordingRecord:
    """A wording of a campaign on a day.

    Attributes:
        variant: lasting number of the wording within its campaign.
        features: uint64 (n,); `weights`: float32 (n,): its core.
        direction: float16 (d,) of length 1, what its template asks for as `encoder` (a fingerprint) sees it; empty
            where it sees nothing.
    """

    variant: int
    features: NDArray[np.uint64]
    weights: NDArray[np.float32]
    direction: NDArray[np.float16] = field(default_factory=lambda: np.empty(0, np.float16))
    encoder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CampaignRecord:
    """What a run found out about one campaign, for `campaigns.publish`. `lineage` holds each event once."""

    campaign_id: str
    n_prompts: int
    n_accounts: int
    tier: Tier
    score: float
    title: str
    objective: Objective
    template: str
    wordings: tuple[WordingRecord, ...]
    lineage: tuple[Lineage, ...] = ()
    operator_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownWording(WordingRecord):
    """A wording that its campaign had on `day`, the last time it had it."""

    campaign_id: str
    day: date

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of everything it says."""
        name = f"{self.campaign_id} {self.variant} {self.day} {len(self.features)} {self.encoder} "
        arrays = self.features.tobytes() + self.weights.tobytes() + self.direction.tobytes()
        return hashlib.sha256(name.encode() + arrays).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """`variants`: lasting numbers of the wordings of `campaign_id` that are `new_id` from now on.

    A row that takes another back names it in `undoes`, repeats its campaign and wordings, and has no `new_id`.
    """

    id: int
    campaign_id: str
    variants: tuple[int, ...]
    new_id: str | None
    reason: str
    author: str
    created_at: datetime
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCampaign:
    """A campaign as the days before left it.

    Attributes:
        last_day: the last day it was seen on.
        runs: folders of the runs of its latest days, relative to the home folder, the latest first.
        merged_into: the campaign that has taken it in since.
        decided: a person has confirmed or dismissed it, and has not taken that back.
        first_free: no wording of it ever had this number, or a higher one.
        born_today: its id was first given by the first pass of the very day.
        apart_from: campaigns that people parted it from. No run makes it one with them.
        formerly: while it has no day of its own: the campaign that had its wordings, under the same numbers, and whose
            `runs` these are.
        untold: what people said and no run has told: the split that made it, or the one that ends it.
    """

    campaign_id: str
    last_day: date
    runs: tuple[str, ...]
    merged_into: str | None
    wordings: tuple[KnownWording, ...]
    first_free: int
    decided: bool = False
    born_today: bool = False
    apart_from: tuple[str, ...] = ()
    formerly: str | None = None
    untold: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMatcher:
    """A wording of a known campaign as it can be sought in other traffic, and how often it met strangers."""

    campaign_id: str
    variant: int
    day: date
    """The last day that had it; the template is of that day."""
    template_json: str
    state: MatcherState
    """Only `USABLE` ones are live; `campaigns.collisions` has the rule."""
    reason: str
    anywhere: bool
    """Also where other text stands before and after."""
    days: int = 1
    """Over so many days the figures below are summed. They are those of the form in which it is sought."""
    organic_matches: int
    """Prompts of strangers that matched: of no family, by accounts that the campaign does not name."""
    organic_accounts: int = 0
    """Who sent those; one that sent some on two days counts twice."""
    organic_prompts: int
    """Of so many of no family."""
    of_members: int = 0
    """Prompts of no family that matched, by accounts that the campaign names."""
    collision_bound: float
    """Upper bound of the rate at which strangers match, at 95 %."""
    shown: bool = False
    """It is live, and the bound is within `match.collision_target`."""
    suspected: bool = True
    """Its campaign was more than benign on a day, and nobody has dismissed it; or somebody has confirmed it."""
    cover: Cover | None = None
    """How it is sought by its words, where its template finds too few of its own prompts."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What marks a partner's campaign, hashed.

    Attributes:
        features: 64-bit scaffold features, ascending; `weights`: one each, positive, of float32.
        tokens: words of constant text that they were made from.
    """

    features: tuple[int, ...]
    weights: tuple[float, ...]
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A template or a fingerprint that a partner told us of. It is sought and compared, and decides nothing.

    Attributes:
        partner: who told us, on the word of `imported_by`.
        template_json: what is sought (`labeling.template`); empty where there is a fingerprint.
        source: name of the file that it came in, `source_sha256` of its bytes.
        state: whether the template may be sought; None: there is none to seek. Figures as in `KnownMatcher`.
        measured_on: the last day among those that it was measured on.
        removed_at, removed_by, removed_reason: set while it is removed.
    """

    seed_id: str
    partner: str
    tlp: Tlp
    note: str = ""
    objective: Objective | None = None
    first_seen: date | None = None
    last_seen: date | None = None
    template_json: str = ""
    fingerprint: Fingerprint | None = None
    imported_at: datetime
    imported_by: str
    source: str
    source_sha256: str
    state: MatcherState | None = None
    reason: str = ""
    anywhere: bool = False
    organic_matches: int = 0
    organic_prompts: int = 0
    collision_bound: float = 1.0
    measured_on: date | None = None
    removed_at: datetime | None = None
    removed_by: str | None = None
    removed_reason: str | None = None

    @property
    def matcher(self) -> KnownMatcher | None:
        """The template as it can be sought; its day is that of the import while nothing was measured."""
        if self.state is None:
            return None
        return KnownMatcher(
            campaign_id=self.seed_id,
            variant=0,
            day=self.measured_on or self.imported_at.date(),
            template_json=self.template_json,
            state=self.state,
            reason=self.reason,
            anywhere=self.anywhere,
            organic_matches=self.organic_matches,
            organic_prompts=self.organic_prompts,
            collision_bound=self.collision_bound,
        )

    def with_figures(self, measured: KnownMatcher) -> Seed:
        """The same seed with what was measured of its template."""
        return replace(
            self,
            state=measured.state,
            reason=measured.reason,
            anywhere=measured.anywhere,
            organic_matches=measured.organic_matches,
            organic_prompts=measured.organic_prompts,
            collision_bound=measured.collision_bound,
            measured_on=measured.day if measured.organic_prompts else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRecord:
    """What `author` did to a seed. Rows are only added."""

    id: int
    seed_id: str
    event: SeedEvent
    reason: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedsAdded:
    """What became of the seeds of an import, by id. `removed` ones were left alone."""

    imported: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    brought_back: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowEntry:
    """Known benign, on the word of `author`. `expires_on` is the last day on which it holds; None: no end.

    It was added by itself, then it has an `id`; or it is a dismissal that stands, the decision `decision_id`.
    """

    id: int | None
    kind: AllowKind
    value: str
    reason: str
    author: str
    created_at: datetime
    expires_on: date | None
    decision_id: int | None = None

    @property
    def name(self) -> str:
        return f"decision {self.decision_id}" if self.id is None else str(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether `campaign_id` is `other_id`, an older campaign, gone on: what `author` said. The latest answer stands."""

    id: int
    campaign_id: str
    other_id: str
    same: bool
    reason: str
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What `author` said of a campaign after looking at the run `run_id` of `day`.

    A row that takes an earlier decision back names it in `undoes`, repeats its campaign, day and run, and has no
    verdict of its own. `expires_on`: the last day on which a dismissal is an entry of the allow-list. `proposal_id`:
    the proposal of `author` that a second person approved.
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
    expires_on: date | None = None
    proposal_id: int | None = None
