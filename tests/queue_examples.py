"""A queue to work through: campaigns made by hand, published with the tables that the queue and its dialog read.

Neighbours share half of their accounts, so that accounts of several campaigns are fewer than the sum of each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from store_examples import MONDAY

from campaigns import files
from campaigns.entries import CampaignRecord, Event, Lineage, PublishedRun, WordingRecord
from campaigns.locks import held
from campaigns.publish import publish
from campaigns.records import (
    ACCOUNTS,
    BRIDGES,
    CAMPAIGNS,
    EVIDENCE,
    IDENTITIES,
    LABELS,
    MAP,
    MEMBERS,
    OPERATORS,
    PREVALENCE,
    PREVALENCE_ACCOUNTS,
    PROMPTS,
    QUARANTINE,
    VARIANTS,
    Objective,
    Tier,
    text_key,
)
from campaigns.runs import Run, open_run
from campaigns.store import Store

STRONG: Final = "6 of 6 accounts were made within 24 hours; the most ever seen was 2"
NAMED, STEP = 6, 3
"""Accounts that a campaign names, and how far on the next one begins."""


_EMPTY: Final = {
    "members": MEMBERS,
    "variants": VARIANTS,
    "operators": OPERATORS,
    "bridges": BRIDGES,
    "map": MAP,
    "quarantine": QUARANTINE,
    "prevalence": PREVALENCE,
    "prevalence_accounts": PREVALENCE_ACCOUNTS,
}
"""Tables that a run has, and of which the queue reads nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A campaign; `accounts` are those that it names, and each has a passer-by of its own besides."""

    campaign_id: str
    tier: Tier
    score: float
    accounts: frozenset[str]
    n_prompts: int
    title: str
    objective: Objective
    operator_id: str | None
    template: str


def examples(n: int, *, tiers: Sequence[Tier] = tuple(Tier)) -> tuple[Example, ...]:
    """By falling score; tiers, objectives and operators go round."""
    return tuple(
        Example(
            campaign_id=f"c-{number:04d}",
            tier=tiers[number % len(tiers)],
            score=round(1 - number / (2 * n), 6),
            accounts=frozenset(f"acct-{number * STEP + k}" for k in range(NAMED)),
            n_prompts=20 + (number * 7) % 31,
            title=f"Grading {number}: essays about {('tides', 'lamps', 'ferns')[number % 3]}",
            objective=(Objective.GRADING, Objective.CODE)[number % 2],
            operator_id=f"o-{number % 4}" if number % 4 else None,
            template=f"Grade essay {number} about {{text}}, by {{name}}.",
        )
        for number in range(n)
    )


def named_together(chosen: Iterable[Example]) -> int:
    return len(frozenset[str]().union(*(one.accounts for one in chosen)))


def publish_queue(
    home: Path, store: Store, chosen: Sequence[Example], day: date = MONDAY, *, force: bool = False
) -> Run:
    """Write a run of `day` with these campaigns below `home`, and publish it in the store."""
    run = open_run(home, day, "f1", force=force)
    _write(run, "campaigns", CAMPAIGNS, map(_campaign, chosen))
    _write(run, "accounts", ACCOUNTS, (row for one in chosen for row in _accounts(one)))
    _write(run, "evidence", EVIDENCE, (row for one in chosen for row in _evidence(one)))
    _write(run, "identities", IDENTITIES, (_identity(family, one) for family, one in enumerate(chosen)))
    _write(run, "labels", LABELS, (_label(family, one) for family, one in enumerate(chosen)))
    _write(run, "prompts/part-0000", PROMPTS, map(_prompt, chosen))
    for name, schema in _EMPTY.items():
        _write(run, name, schema, ())
    run.stage("results", lambda: {"campaigns": len(chosen)}, [])
    run.finish({})
    with held(store, day, lease_seconds=60) as lock:
        publish(store, lock, PublishedRun.of(run, home, {}), [_record(one) for one in chosen])
    return run


def exemplar(one: Example) -> str:
    return f"Grade essay {one.campaign_id} about the sea, by Ines."


def _write(run: Run, name: str, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> None:
    files.write_parquet(run.path / f"{name}.parquet", pa.Table.from_pylist(list(rows), schema))


def _campaign(one: Example) -> dict[str, Any]:
    return {
        "campaign_id": one.campaign_id,
        "tier": one.tier.value,
        "score": one.score,
        "n_prompts": one.n_prompts,
        "n_accounts": len(one.accounts) + 1,
        "template": one.template,
        "label": one.title,
        "summary": "",
        "objective": one.objective.value,
        "objective_confidence": 1.0,
        "keyphrases": [],
        "exemplar_prompt_ids": [f"p-{one.campaign_id}"],
        "operator_id": one.operator_id,
        "reasons": [f"{STRONG}."],
    }


def _accounts(one: Example) -> list[dict[str, Any]]:
    passer_by = f"passer-by-{one.campaign_id}"
    return [
        {
            "account_id": name,
            "campaign_id": one.campaign_id,
            "n_prompts": 3,
            "share": 1.0,
            "strength": 0.9 if name in one.accounts else 0.1,
            "is_core": name in one.accounts,
            "reasons": [],
        }
        for name in sorted({*one.accounts, passer_by})
    ]


def _evidence(one: Example) -> list[dict[str, Any]]:
    said = [("made together", "registration", 0.0002, STRONG), ("shared clock", "timing", 0.4, "as others")]
    return [
        {
            "campaign_id": one.campaign_id,
            "signal": signal,
            "group": group,
            "value": 1.0,
            "control_median": 0.1,
            "control_p95": 0.2,
            "controls": [number / 100 for number in range(21)],
            "p_value": p_value,
            "sentence": sentence,
        }
        for signal, group, p_value, sentence in said
    ]


def _identity(family: int, one: Example) -> dict[str, Any]:
    return {
        "family": family,
        "campaign_id": one.campaign_id,
        "lead": family,
        "variant": 0,
        "event": "minted",
        "reason": "new",
        "overlap": 0.0,
        "shared": 0,
        "expected": 0.0,
    }


def _label(family: int, one: Example) -> dict[str, Any]:
    head, _, rest = one.template.partition("{text}")
    middle, _, end = rest.partition("{name}")
    slots = [{"kind": kind, "n_values": 3, "values": ["the sea"]} for kind in ("text", "name")]
    parts = [head, slots[0], middle, slots[1], end]
    stored = {"parts": parts, "constant_share": 0.5, "saved_bits": 40.0, "accepted": 1.0}
    return {
        "family": family,
        "template": one.template,
        "template_json": json.dumps(stored),
        "title": one.title,
        "summary": "",
        "objective": one.objective.value,
        "objective_confidence": 1.0,
        "keyphrases": [],
        "exemplars": [],
    }


def _prompt(one: Example) -> dict[str, Any]:
    return {
        "prompt_id": f"p-{one.campaign_id}",
        "account_id": min(one.accounts),
        "created_at": datetime(2026, 1, 5, 12, tzinfo=UTC),
        "prompt": exemplar(one),
        "text_key": text_key(exemplar(one)),
    }


def _record(one: Example) -> CampaignRecord:
    return CampaignRecord(
        campaign_id=one.campaign_id,
        n_prompts=one.n_prompts,
        n_accounts=len(one.accounts) + 1,
        tier=one.tier,
        score=one.score,
        title=one.title,
        objective=one.objective,
        template=one.template,
        operator_id=one.operator_id,
        wordings=(
            WordingRecord(
                variant=0, features=np.array([1, 2], np.uint64), weights=np.array([1.0, 0.5], np.float32)
            ),
        ),
        lineage=(Lineage(event=Event.MINTED, reason="new", figures={"overlap": 0.0}),),
    )
