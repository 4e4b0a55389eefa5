"""The known campaigns, compiled: every live template in one screen, every live cover in another, and whose each is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from campaigns.covers import Cover
from campaigns.entries import KnownMatcher
from campaigns.errors import IntegrityError
from campaigns.records import MatcherState, Template
from labeling.cover_screen import CoverScreen
from labeling.screen import Screen
from labeling.sought import matchers_of, screen_of
from labeling.template import template_from_json


class How(StrEnum):
    """How a prompt was found. By its words alone it is a hint: no account is named because of it."""

    TEMPLATE = "template"
    WORDING = "wording"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose wording it is, and how it is sought.

    `seed`: a partner told us of it; nobody here has measured or decided anything.
    """

    campaign_id: str
    variant: int
    seed: bool = False
    how: How = How.TEMPLATE


@dataclass(frozen=True, slots=True)
class Refused:
    """A wording that is not sought, and why."""

    owner: Owner
    reason: str


@dataclass(frozen=True, slots=True)
class KnownCampaigns:
    """Live wordings: those with a template over one automaton, those with a cover by their words, some by both.

    Owner m is matcher m of the screen; owner `len(screen) + c` is cover c.

    Attributes:
        owners: of the live templates in the order in which they were given, seeds last; then of the live covers.
        campaign: int32 (n_owners,), equal for wordings of one campaign.
        seed: bool (n_owners,), told by a partner.
        anywhere: bool (n_templates,), also sought where other text stands before and after.
        constants: int64 (n_templates,), words of constant text.
        typical: int64 (n_covers,), evidence that half of the wording's prompts carry.
        refused: what is not live, neither way.
        digest: SHA-256, in hex, of everything that was given: equal digests find the same.
    """

    screen: Screen
    covers: CoverScreen
    owners: tuple[Owner, ...]
    campaign: NDArray[np.int32]
    seed: NDArray[np.bool_]
    anywhere: NDArray[np.bool_]
    constants: NDArray[np.int64]
    typical: NDArray[np.int64]
    refused: tuple[Refused, ...]
    digest: str

    @classmethod
    def of(cls, known: Sequence[KnownMatcher], seeds: Sequence[KnownMatcher] = ()) -> Self:
        """Compile the usable ones; a damaged template is refused like one that matches others."""
        owners: list[Owner] = []
        anywhere: list[bool] = []
        templates: list[Template] = []
        covered: list[Owner] = []
        covers: list[Cover] = []
        refused: list[Refused] = []
        for entry, owner in _owned(known, seeds):
            template = _template(entry)
            live = entry.cover is not None and entry.cover.state is MatcherState.USABLE
            if entry.cover is not None and live:
                covered.append(replace(owner, how=How.WORDING))
                covers.append(entry.cover)
            if not isinstance(template, str):
                owners.append(owner)
                anywhere.append(entry.anywhere)
                templates.append(template)
            elif not live:
                by_words = f"; by its words: {entry.cover.reason}" if entry.cover is not None else ""
                refused.append(Refused(owner, template + by_words))
        matchers = matchers_of(templates)
        owners += covered
        ids = {owner.campaign_id: number for number, owner in enumerate(owners)}
        return cls(
            screen_of(matchers),
            CoverScreen.of(covers),
            tuple(owners),
            np.array([ids[owner.campaign_id] for owner in owners], np.int32),
            np.array([owner.seed for owner in owners], np.bool_),
            np.array(anywhere, np.bool_),
            np.array([len(matcher.literals) for matcher in matchers], np.int64),
            np.array([cover.typical for cover in covers], np.int64),
            tuple(refused),
            known_digest(known, seeds),
        )

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def n_wordings(self) -> int:
        """One that is sought both ways counts once."""
        return len({(owner.campaign_id, owner.variant, owner.seed) for owner in self.owners})

    @property
    def n_campaigns(self) -> int:
        return len(np.unique(self.campaign[~self.seed]))

    @property
    def n_seeds(self) -> int:
        return len(np.unique(self.campaign[self.seed]))


def _owned(
    known: Sequence[KnownMatcher], seeds: Sequence[KnownMatcher]
) -> Iterator[tuple[KnownMatcher, Owner]]:
    for entry in known:
        yield entry, Owner(entry.campaign_id, entry.variant)
    for entry in seeds:
        yield entry, Owner(entry.campaign_id, entry.variant, seed=True)


def _template(entry: KnownMatcher) -> Template | str:
    """The template, or why it is not sought."""
    if entry.state is not MatcherState.USABLE:
        return f"{entry.state.value}: {entry.reason}"
    try:
        return template_from_json(entry.template_json)
    except IntegrityError as error:
        return error.what


def known_digest(known: Sequence[KnownMatcher], seeds: Sequence[KnownMatcher] = ()) -> str:
    """SHA-256, in hex, of all that they say: equal digests find the same."""
    digest = hashlib.sha256()
    for entry, owner in _owned(known, seeds):
        digest.update(json.dumps([asdict(entry), owner.seed], default=str).encode())
    return digest.hexdigest()
