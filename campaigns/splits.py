"""Splits by people: wordings of a campaign that are a campaign of their own from the next run on.

What was published stays as it is. `campaigns.known` hands the wordings to the next run under the new id, and no run
joins the two again. Rows are only added; a row that takes a split back names it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from campaigns.audit import Action, append
from campaigns.decisions import said
from campaigns.entries import Clock, utc_now
from campaigns.errors import UsageError
from campaigns.review_tables import SplitRow
from campaigns.tables import CampaignRow, WordingRow

_ID_BYTES = 10


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


def record_split(
    session: Session,
    campaign_id: str,
    variants: Sequence[int],
    *,
    reason: str,
    author: str,
    clock: Clock = utc_now,
) -> Split:
    """Part wordings from their campaign.

    Raises:
        UsageError: nobody knows the campaign or one of its wordings, none would be left, one was parted before, or
            reason or author is blank.
    """
    if session.get(CampaignRow, campaign_id) is None:
        raise UsageError(f"no campaign {campaign_id!r}", hint="`shoal campaigns --all` lists them.")
    parted = sorted(set(variants))
    known = set(
        session.scalars(select(WordingRow.variant).where(WordingRow.campaign_id == campaign_id).distinct())
    )
    gone = {one for split in standing_splits(session, campaign_id) for one in split.variants}
    if not parted or not set(parted) <= known - gone:
        raise UsageError(
            f"{campaign_id} has no such wordings to part",
            hint=f"It has {', '.join(str(one + 1) for one in sorted(known - gone))}.",
        )
    if set(parted) == known - gone:
        raise UsageError(f"nothing would be left of {campaign_id}", hint="Leave it a wording.")
    at = clock()
    row = SplitRow(
        campaign_id=campaign_id,
        variants={"variants": parted},
        new_id=_mint(campaign_id, parted, at),
        reason=said("reason", reason, "a split"),
        author=said("author", author, "a split"),
        created_at=at,
    )
    return _add(session, row, Action.SPLIT)


def take_split_back(
    session: Session, split_id: int, *, reason: str, author: str, clock: Clock = utc_now
) -> Split:
    """From the next run on the wordings are again what runs make of them.

    Raises:
        UsageError: there is no such split, it was taken back, or reason or author is blank.
    """
    row = session.get(SplitRow, split_id)
    if row is None or row.undoes is not None:
        raise UsageError(f"no split {split_id}", hint="The campaign's page lists them.")
    if session.scalar(select(SplitRow.id).where(SplitRow.undoes == split_id)) is not None:
        raise UsageError(f"split {split_id} was taken back already")
    undo = SplitRow(
        campaign_id=row.campaign_id,
        variants=row.variants,
        reason=said("reason", reason, "a split"),
        author=said("author", author, "a split"),
        created_at=clock(),
        undoes=split_id,
    )
    return _add(session, undo, Action.UNSPLIT)


def standing_splits(session: Session, campaign_id: str = "") -> list[Split]:
    """Splits that were not taken back, oldest first; of one campaign or of all."""
    undo = aliased(SplitRow)
    query = (
        select(SplitRow)
        .where(SplitRow.undoes.is_(None), ~select(undo.id).where(undo.undoes == SplitRow.id).exists())
        .order_by(SplitRow.id)
    )
    if campaign_id:
        query = query.where(SplitRow.campaign_id == campaign_id)
    return [_split(row) for row in session.scalars(query)]


def _mint(campaign_id: str, variants: Sequence[int], at: datetime) -> str:
    """An id like those of `clustering.identity`, of what makes this split one of its kind."""
    told = f"split {campaign_id} {list(variants)} {at.isoformat()}".encode()
    digest = hashlib.blake2b(told, digest_size=_ID_BYTES).digest()
    return "c-" + base64.b32encode(digest).decode().lower()


def _add(session: Session, row: SplitRow, action: Action) -> Split:
    session.add(row)
    session.flush()
    session.refresh(row)
    made = _split(row)
    details = {
        "split": made.id,
        "wordings": list(made.variants),
        "new campaign": made.new_id,
        "undoes": made.undoes,
        "reason": made.reason,
    }
    append(
        session,
        actor=made.author,
        action=action,
        subject=made.campaign_id,
        details=details,
        at=made.created_at,
    )
    return made


def _split(row: SplitRow) -> Split:
    return Split(
        id=row.id,
        campaign_id=row.campaign_id,
        variants=tuple(row.variants["variants"]),
        new_id=row.new_id,
        reason=row.reason,
        author=row.author,
        created_at=row.created_at,
        undoes=row.undoes,
    )
