"""Publishing: a finished run becomes what the store says about its day, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from campaigns.all_tables import METADATA
from campaigns.answers import standing_answers
from campaigns.bulk import ready
from campaigns.collisions import Met
from campaigns.current import follow_days
from campaigns.entries import (
    CampaignRecord,
    CampaignState,
    Event,
    Lineage,
    PublishedRun,
    Sleep,
    WordingRecord,
)
from campaigns.errors import IntegrityError
from campaigns.failpoints import failpoint
from campaigns.known_matchers import FIGURES
from campaigns.locks import DayLock
from campaigns.splits import select_splits, taken_back
from campaigns.store import Store
from campaigns.tables import (
    DIRECTION,
    FEATURES,
    WEIGHTS,
    Base,
    CampaignDayRow,
    CampaignRow,
    DayRow,
    LineageRow,
    MatcherDayRow,
    RunRow,
    WordingRow,
)


def publish(
    store: Store,
    lock: DayLock,
    run: PublishedRun,
    campaigns: Sequence[CampaignRecord],
    unseen: Mapping[str, Sequence[Lineage]] | None = None,
    sleep: Sleep | None = None,
    met: Mapping[tuple[str, int], Met] | None = None,
) -> bool:
    """Put `run` and its campaigns in the place of whatever the day's earlier run wrote.

    Readers see the day before or after, never between. Campaigns that no day speaks of any longer are gone.
    Publishing the current run again changes nothing.

    Args:
        unseen: what became on this day of campaigns that it did not see, by id.
        sleep: when the state of a campaign changes for not being seen.
        met: whom the known matchers met on this day, by campaign and wording.

    Returns:
        Whether anything changed.

    Raises:
        FencedError: `lock` was released or taken over; nothing was written.
        IntegrityError: the ledger knows this run with another digest, or two of `campaigns` share an id.
        ValueError: `lock` is for another day, a wording's arrays do not match, a figure is not finite.
    """
    if lock.day != run.day:
        raise ValueError(f"the lock is for {lock.day}, the run for {run.day}")
    rows = _rows(run, campaigns, unseen or {}) | {MatcherDayRow: _met(run, met or {})}
    prepared = {
        table: ready(METADATA.tables[table.__tablename__], made, store.dialect)
        for table, made in rows.items()
    }
    with store.writing() as session:
        lock.check(session)
        if not _enter(session, run):
            return False
        _clear(session, run)
        for table, made_ready in prepared.items():
            made_ready.insert(session.connection(), skip_known=table is CampaignRow)
        follow_days(session, run.day)
        session.merge(DayRow(day=run.day, current_run_id=run.run_id))
        session.flush()
        _derive_states(session, sleep or Sleep())
        failpoint("publish:before_commit")
    failpoint("publish:committed")
    return True


def _rows(
    run: PublishedRun, campaigns: Sequence[CampaignRecord], unseen: Mapping[str, Sequence[Lineage]]
) -> dict[type[Base], list[dict[str, Any]]]:
    """Everything to insert, made before the transaction starts, in an order that foreign keys allow."""
    seen = [campaign.campaign_id for campaign in campaigns]
    twice = [name for name, count in Counter([*seen, *unseen]).items() if count > 1]
    if twice:
        raise IntegrityError(f"campaign {min(twice)} appears more than once", where=run.run_id)
    fresh = [{"campaign_id": name, "first_day": run.day, "last_day": run.day} for name in sorted(seen)]
    days, wordings, lineage = [], [], []
    for campaign in sorted(campaigns, key=lambda c: c.campaign_id):
        key = {"campaign_id": campaign.campaign_id, "day": run.day}
        days.append(
            {
                **key,
                "run_id": run.run_id,
                "n_prompts": campaign.n_prompts,
                "n_accounts": campaign.n_accounts,
                "tier": campaign.tier,
                "score": campaign.score,
                "title": campaign.title,
                "objective": campaign.objective,
                "template": campaign.template,
                "operator_id": campaign.operator_id,
            }
        )
        wordings += [{**key, **_wording(campaign.campaign_id, one)} for one in campaign.wordings]
        lineage += _lineage(key, campaign.lineage)
    for name, entries in sorted(unseen.items()):
        lineage += _lineage({"campaign_id": name, "day": run.day}, entries)
    return {CampaignRow: fresh, CampaignDayRow: days, WordingRow: wordings, LineageRow: lineage}


def _wording(campaign_id: str, wording: WordingRecord) -> dict[str, Any]:
    if wording.features.ndim != 1 or wording.features.shape != wording.weights.shape:
        raise ValueError(f"the core of {campaign_id} does not have one weight for each feature")
    return {
        "variant": wording.variant,
        "features": np.ascontiguousarray(wording.features, FEATURES).tobytes(),
        "weights": np.ascontiguousarray(wording.weights, WEIGHTS).tobytes(),
        "direction": np.ascontiguousarray(wording.direction, DIRECTION).tobytes(),
        "encoder": wording.encoder,
    }


def _lineage(key: Mapping[str, Any], entries: Sequence[Lineage]) -> list[dict[str, Any]]:
    rows = []
    for entry in entries:
        if not all(np.isfinite(figure) for figure in entry.figures.values() if isinstance(figure, float)):
            raise ValueError(f"a figure in the lineage of {key['campaign_id']} is not finite")
        told = {"reason": entry.reason, "figures": entry.figures, "other_id": entry.other_id}
        rows.append({**key, "event": entry.event, **told})
    return rows


def _met(run: PublishedRun, met: Mapping[tuple[str, int], Met]) -> list[dict[str, Any]]:
    return [
        {
            "campaign_id": name,
            "variant": variant,
            "day": run.day,
            **{figure: getattr(one, figure) for figure in FIGURES},
        }
        for (name, variant), one in sorted(met.items())
    ]


def _enter(session: Session, run: PublishedRun) -> bool:
    """Add the run to the ledger; False if it is already what its day points to."""
    known = session.get(RunRow, run.run_id)
    if known is None:
        session.add(
            RunRow(
                run_id=run.run_id,
                day=run.day,
                attempt=run.attempt,
                fingerprint=run.fingerprint,
                digest=run.digest,
                path=run.path,
                counts=run.counts,
                manifest_sha256=run.manifest_sha256,
                published_at=run.published_at,
            )
        )
        session.flush()
        return True
    if known.digest != run.digest:
        raise IntegrityError(
            f"run {run.run_id} was published with another digest",
            where=run.path,
            hint="A published run never changes. Run the day again with --force to make a new attempt.",
        )
    return session.get_one(DayRow, run.day).current_run_id != run.run_id


def _clear(session: Session, run: PublishedRun) -> None:
    """Remove what the day's earlier run wrote; wordings go with their campaign's day."""
    session.execute(delete(LineageRow).where(LineageRow.day == run.day))
    session.execute(delete(CampaignDayRow).where(CampaignDayRow.day == run.day))
    session.execute(delete(MatcherDayRow).where(MatcherDayRow.day == run.day))


def _derive_states(session: Session, sleep: Sleep) -> None:
    """States follow from days and lineage alone, so the order in which days are run leaves no trace."""
    latest = session.scalar(select(func.max(DayRow.day)))
    if latest is None:
        return
    taken_in = (
        select(LineageRow)
        .where(
            LineageRow.campaign_id == CampaignRow.campaign_id,
            LineageRow.event == Event.MERGED,
            LineageRow.day >= CampaignRow.last_day,
        )
        .exists()
    )
    said_so = CampaignRow.campaign_id.in_(
        [
            *(answer.campaign_id for answer in standing_answers(session).values() if answer.same),
            *taken_back(select_splits(session)),
        ]
    )
    state = case(
        (or_(taken_in, said_so), CampaignState.MERGED.value),
        (CampaignRow.last_day < latest - timedelta(days=sleep.retire_days), CampaignState.RETIRED.value),
        (CampaignRow.last_day < latest - timedelta(days=sleep.dormant_days), CampaignState.DORMANT.value),
        else_=CampaignState.OPEN.value,
    )
    session.execute(
        update(CampaignRow)
        .where(CampaignRow.state != state)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )
