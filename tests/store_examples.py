"""Runs and campaigns for the tests of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from campaigns.collisions import Met
from campaigns.entries import CampaignRecord, Event, Lineage, PublishedRun, WordingRecord
from campaigns.locks import held
from campaigns.publish import publish
from campaigns.records import Objective, Tier
from campaigns.store import Store

MONDAY = date(2026, 1, 5)
TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)
NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)


def a_run(day: date = MONDAY, attempt: int = 1, *, digest: str = "") -> PublishedRun:
    return PublishedRun(
        run_id=f"{day}.{attempt}",
        day=day,
        attempt=attempt,
        fingerprint="f1",
        digest=digest or f"digest of {day}.{attempt}",
        path=f"runs/{day}/{attempt}",
        counts={"accepted": 20_000, "share": 0.25, "encoder": "default"},
        published_at=NOON,
    )


def a_wording(feature: int = 1, variant: int = 0) -> WordingRecord:
    return WordingRecord(
        variant=variant,
        features=np.array([feature, 2**64 - 1], np.uint64),
        weights=np.array([1.5, 0.1], np.float32),
        direction=np.array([0.6, 0.8], np.float16),
        encoder="tiny",
    )


def a_campaign(
    name: str, *, score: float = 0.5, tier: Tier = Tier.REVIEW, title: str = "Grades essays", feature: int = 1
) -> CampaignRecord:
    return CampaignRecord(
        campaign_id=name,
        n_prompts=120,
        n_accounts=30,
        tier=tier,
        score=score,
        title=title,
        objective=Objective.GRADING,
        template="Grade this essay: {text}",
        wordings=(a_wording(feature),),
        lineage=(
            Lineage(event=Event.MINTED, reason=f"{title}: nothing like it", figures={"overlap": 0.125}),
        ),
    )


def publish_now(
    store: Store,
    run: PublishedRun,
    campaigns: Sequence[CampaignRecord],
    unseen: Mapping[str, Sequence[Lineage]] | None = None,
    met: Mapping[tuple[str, int], Met] | None = None,
) -> bool:
    with held(store, run.day, lease_seconds=60) as lock:
        return publish(store, lock, run, campaigns, unseen, met=met)
