"""What may be told of a campaign: its fingerprints, what it is after, when it was seen, and how large it is in bands.

A fingerprint is the scaffold of a wording as hashes. *Open* ones are compared by anybody who runs Shoal, and whoever
guesses the words can check the guess. *Keyed* ones are an HMAC of those: only who holds the key can compare or guess.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.entries import KnownWording, Tlp
from campaigns.errors import IntegrityError, UsageError
from campaigns.known_matchers import read_matchers
from campaigns.records import Objective, Slot, Template
from campaigns.tables import CampaignDayRow, CampaignRow, RunRow, WordingRow
from labeling.collisions import constant_words
from labeling.template import template_from_json

OPEN: Final = "open-1"
KEYED: Final = "hmac-1"
MOST_FEATURES: Final = 5_000
"""Of a fingerprint; of more, the heaviest are told."""
_HINT: Final = "`shoal verify` says what else is; restore the run, or do the day again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldWording:
    """A wording: hex of 64-bit features, ascending, a weight each, and how many constant words they were made from.

    `template` is None unless text was asked for.
    """

    variant: int
    scheme: str
    features: tuple[str, ...]
    weights: tuple[float, ...]
    tokens: int
    template: tuple[str | Slot, ...] | None = None

    def template_parts(self) -> list[dict[str, str]]:
        """As files of seeds have it."""
        return [
            {"text": part} if isinstance(part, str) else {"slot": part.kind} for part in self.template or ()
        ]

    def fingerprint(self) -> dict[str, Any]:
        return {
            "scheme": self.scheme,
            "features": list(self.features),
            "weights": list(self.weights),
            "tokens": self.tokens,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldCampaign:
    """`prompts` and `accounts` are bands: from, and up to but not including, of the latest day."""

    campaign_id: str
    objective: Objective
    first_day: date
    last_day: date
    prompts: tuple[int, int]
    accounts: tuple[int, int]
    wordings: tuple[ToldWording, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How things are told: by whom (`producer`), how far they may go, keyed by `key` if there is one, and whether with
    the text of templates."""

    producer: str
    tlp: Tlp = Tlp.AMBER
    key: bytes = b""
    templates: bool = False

    @property
    def scheme(self) -> str:
        return f"{KEYED}:{hashlib.sha256(b'id' + self.key).hexdigest()[:8]}" if self.key else OPEN


def read_told(session: Session, home: Path, campaign_ids: Sequence[str], terms: Terms) -> list[ToldCampaign]:
    """What is told of these campaigns, by id, as their latest day shows them.

    Args:
        home: holds the runs, which know the templates of wordings.

    Raises:
        UsageError: nobody knows one of them.
        IntegrityError: the files of a run are gone or damaged.
    """
    runs = _Runs(home)
    return [_read(session, runs, name, terms) for name in sorted(set(campaign_ids))]


def band(count: int) -> tuple[int, int]:
    """The powers of ten that `count` lies between."""
    low = 10 ** (len(str(max(count, 1))) - 1)
    return low, 10 * low


def in_words(told: tuple[int, int]) -> str:
    return f"{told[0]:,} to {told[1] - 1:,}"


def _read(session: Session, runs: _Runs, campaign_id: str, terms: Terms) -> ToldCampaign:
    campaign = session.get(CampaignRow, campaign_id)
    if campaign is None:
        raise UsageError(f"no campaign {campaign_id!r}", hint="`shoal campaigns --all` lists them.")
    day = session.get_one(CampaignDayRow, (campaign_id, campaign.last_day))
    rows = session.scalars(
        select(WordingRow)
        .where(WordingRow.campaign_id == campaign_id, WordingRow.day == campaign.last_day)
        .order_by(WordingRow.variant)
    )
    templates = runs.templates(session.get_one(RunRow, day.run_id))
    return ToldCampaign(
        campaign_id=campaign_id,
        objective=Objective(campaign.objective),
        first_day=campaign.first_day,
        last_day=campaign.last_day,
        prompts=band(day.n_prompts),
        accounts=band(day.n_accounts),
        wordings=tuple(
            _wording(entry, templates.get((campaign_id, entry.variant)), terms)
            for entry in (row.entry() for row in rows)
            if len(entry.features)
        ),
    )


def _wording(entry: KnownWording, template: Template | None, terms: Terms) -> ToldWording:
    features, weights = entry.features.tolist(), entry.weights.tolist()
    heaviest = sorted(zip(weights, features, strict=True), reverse=True)[:MOST_FEATURES]
    hashed = [
        (_keyed(terms.key, one) if terms.key else one, weight) for weight, one in heaviest if weight > 0
    ]
    hashed.sort()
    return ToldWording(
        variant=entry.variant,
        scheme=terms.scheme,
        features=tuple(f"{feature:016x}" for feature, _ in hashed),
        weights=tuple(weight for _, weight in hashed),
        tokens=max(round(constant_words(template)), 1) if template is not None else 1,
        template=template.parts if terms.templates and template is not None else None,
    )


class _Runs:
    """Templates of wordings by run, each run read once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._read: dict[str, dict[tuple[str, int], Template]] = {}

    def templates(self, run: RunRow) -> dict[tuple[str, int], Template]:
        """By campaign and lasting number.

        Raises:
            IntegrityError: the files of the run are gone or damaged.
        """
        if run.run_id not in self._read:
            try:
                known = read_matchers(self._home / run.path, run.day)
            except FileNotFoundError as error:
                raise IntegrityError(
                    f"the files of the run of {run.day} are gone", where=str(error.filename), hint=_HINT
                ) from None
            self._read[run.run_id] = {
                (one.campaign_id, one.variant): template_from_json(one.template_json) for one in known
            }
        return self._read[run.run_id]


def _keyed(key: bytes, feature: int) -> int:
    return int.from_bytes(hmac.new(key, feature.to_bytes(8, "little"), hashlib.sha256).digest()[:8], "little")
