"""What there is to say about one prompt, as values alone.

Texts and words are raw, as the sender wrote them; show them through `campaigns.display`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a stretch of a prompt is."""

    CORE = "core"
    SCAFFOLD = "scaffold"
    SLOT = "slot"


class Guard(StrEnum):
    """What keeps a prompt out of every family."""

    NO_SCAFFOLD = "no scaffold"
    NO_GROUP = "no group"
    TOO_FEW_PROMPTS = "too few prompts"
    TOO_FEW_ACCOUNTS = "too few accounts"
    TOO_FEW_TEXTS = "too few texts"
    WEAK_CORE = "core too weak"
    ORDINARY_SENDERS = "ordinary senders"
    LOW_EVIDENCE = "evidence too low"
    USUAL = "usual before"
    REGROUPED = "regrouped"
    LITTLE_OF_A_FAMILY = "too little of a family's core"
    OTHER_READING = "read otherwise"
    NOT_EMBEDDED = "not embedded"
    NO_CLUSTER = "no cluster"


@dataclass(frozen=True, slots=True)
class Reason:
    guard: Guard
    sentence: str


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the prompt; all parts, end to end, are the prompt."""

    text: str
    role: Role


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature in words.

    `kind` says how to read them (`embeddings.evidence.FeatureKind`). `accounts` are those of the day whose texts keep
    the feature. `weight` is its part of a core, in nats, None outside of the core. `carried`: by the prompt.
    """

    kind: str
    words: str
    accounts: int
    weight: float | None
    carried: bool


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another text that is like the prompt, shown by its first prompt.

    `nats` is the summed ln(accounts of the day / accounts of the feature) over the `shared` features, single words near
    the ends included. `cosine` is that of the vectors, None where nothing was asked of them.
    """

    prompt_id: str
    account_id: str
    text: str
    n_prompts: int
    n_accounts: int
    campaign_id: str | None
    shared: int
    nats: float
    cosine: float | None


@dataclass(frozen=True, slots=True)
class SlotValue:
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Matched:
    """What a family's template says of the prompt. `slots` is empty where it does not match the whole prompt."""

    campaign_id: str
    template: str
    state: str
    reason: str
    accepts: bool
    inside: bool
    slots: tuple[SlotValue, ...]


@dataclass(frozen=True, slots=True)
class FamilyView:
    """The family of the prompt, or one near to it.

    `carried` is the part (0..1) of the family's lasting core that the prompt carries. `strength` and `is_core` are the
    verdict of the reading that found the family, None if the prompt is no member. `core` holds the heaviest of its
    `n_core` features.
    """

    campaign_id: str
    title: str
    tier: str
    n_prompts: int
    n_accounts: int
    carried: float
    strength: float | None
    is_core: bool | None
    n_core: int
    core: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group that is no family, measured again under one `reading`.

    `strength` and `evidence` are in nats, beside what a family needs; `ordinary` (0..1) is how much like anybody else's
    the traffic of its senders is. All None if the group is too small to be measured.
    """

    group: int
    guard: Guard
    reading: str
    n_texts: int
    n_prompts: int
    n_accounts: int
    strength: float | None
    strength_needed: float
    evidence: float | None
    evidence_needed: float
    evidence_if_dedicated: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one prompt.

    `features` are the heaviest of its `n_features` word pairs, beginnings and endings that recur. `reasons` (in order,
    the first is the verdict) and `group` are empty for a member of a family; `members` are then the nearest texts of
    the family, `exemplars` its examples. `neighbours` are outside of the family and were sent by other accounts.
    `alike` are the nearest of the texts that were embedded, for a prompt of no family that was embedded too.
    """

    run_id: str
    day: date
    prompt_id: str
    account_id: str
    parts: tuple[Part, ...]
    n_prompts: int
    n_accounts: int
    n_tokens: int
    evasion_marks: int
    minimum_accounts: int
    features: tuple[Feature, ...]
    n_features: int
    family: FamilyView | None
    reasons: tuple[Reason, ...]
    group: GroupView | None
    near: tuple[FamilyView, ...]
    templates: tuple[Matched, ...]
    members: tuple[Neighbour, ...]
    exemplars: tuple[Neighbour, ...]
    neighbours: tuple[Neighbour, ...]
    alike: tuple[Neighbour, ...]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "day": self.day.isoformat()}
