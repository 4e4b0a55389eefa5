"""The known campaigns, compiled: every live wording in one screen, and whose it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from campaigns.entries import KnownMatcher
from campaigns.errors import IntegrityError
from campaigns.records import MatcherState, Template
from labeling.screen import Screen
from labeling.sought import matchers_of, screen_of
from labeling.template import template_from_json


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose wording it is. `seed`: a partner told us of it; nobody here has measured or decided anything."""

    campaign_id: str
    variant: int
    seed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A wording that is not sought, and why."""

    owner: Owner
    reason: str


@dataclass(frozen=True, slots=True)
class KnownCampaigns:
    """Live wordings over one automaton. Wording m is matcher m of the screen.

    Attributes:
        owners: n_live of them, in the order in which they were given, seeds last.
        campaign: int32 (n_live,), equal for wordings of one campaign.
        anywhere: bool (n_live,), also sought where other text stands before and after.
        constants: int64 (n_live,), words of constant text.
        refused: what is not live.
        digest: SHA-256, in hex, of everything that was given: equal digests find the same.
    """

    screen: Screen
    owners: tuple[Owner, ...]
    campaign: NDArray[np.int32]
    anywhere: NDArray[np.bool_]
    constants: NDArray[np.int64]
    refused: tuple[Refused, ...]
    digest: str

    @classmethod
    def of(cls, known: Sequence[KnownMatcher], seeds: Sequence[KnownMatcher] = ()) -> Self:
        """Compile the usable ones; a damaged template is refused like one that matches others."""
        owners: list[Owner] = []
        anywhere: list[bool] = []
        templates: list[Template] = []
        refused: list[Refused] = []
        for entry, owner in _owned(known, seeds):
            template = _template(entry)
            if isinstance(template, str):
                refused.append(Refused(owner, template))
            else:
                owners.append(owner)
                anywhere.append(entry.anywhere)
                templates.append(template)
        matchers = matchers_of(templates)
        ids = {owner.campaign_id: number for number, owner in enumerate(owners)}
        return cls(
            screen_of(matchers),
            tuple(owners),
            np.array([ids[owner.campaign_id] for owner in owners], np.int32),
            np.array(anywhere, np.bool_),
            np.array([len(matcher.literals) for matcher in matchers], np.int64),
            tuple(refused),
            known_digest(known, seeds),
        )

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def n_campaigns(self) -> int:
        return len(np.unique(self.campaign))


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
        named = [getattr(entry, field.name) for field in fields(entry)]
        digest.update(json.dumps([*named, owner.seed], default=str).encode())
    return digest.hexdigest()
