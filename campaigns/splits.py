"""Splits by people: wordings of a campaign that are a campaign of their own from the next run on.

What was published stays as it is. `campaigns.known` hands the wordings to the next run under the new id and the numbers
they had, and no run joins the two again. Rows are only added; a row that takes a split back names it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.audit import Action, append
from campaigns.decisions import said
from campaigns.entries import CampaignState, Clock, Split, utc_now
from campaigns.errors import UsageError
from campaigns.review_tables import SplitRow
from campaigns.tables import CampaignRow, WordingRow

_ID_BYTES = 10


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
        UsageError: nobody knows the campaign or one of its wordings, it is part of another, none would be left, one was
            parted before, or reason or author is blank.
    """
    campaign = session.get(CampaignRow, campaign_id)
    if campaign is None:
        raise UsageError(f"no campaign {campaign_id!r}", hint="`shoal campaigns --all` lists them.")
    if campaign.state == CampaignState.MERGED:
        raise UsageError(f"{campaign_id} is part of another campaign", hint="Part the wordings of that one.")
    parted = sorted(set(variants))
    known = session.scalars(
        select(WordingRow.variant).where(WordingRow.campaign_id == campaign_id).distinct()
    )
    held = holders(select_splits(session))
    own = {one for one in known if held.get((campaign_id, one), campaign_id) == campaign_id}
    if not parted or not set(parted) <= own:
        raise UsageError(
            f"{campaign_id} has no such wordings to part",
            hint=f"It has {', '.join(str(one + 1) for one in sorted(own))}.",
        )
    if set(parted) == own:
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
    """From the next run on the wordings are again their campaign's, as far as runs join them.

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
    split_off = session.get(CampaignRow, row.new_id)
    if split_off is not None:
        split_off.state = CampaignState.MERGED
    return _add(session, undo, Action.UNSPLIT)


def standing_splits(session: Session, campaign_id: str = "") -> list[Split]:
    """Splits that were not taken back, oldest first; of one campaign or of all."""
    rows = select_splits(session, campaign_id)
    undone = {row.undoes for row in rows}
    return [row for row in rows if row.undoes is None and row.id not in undone]


def select_splits(session: Session, campaign_id: str = "") -> list[Split]:
    """Every row, those that take one back too, oldest first; of one campaign or of all."""
    query = select(SplitRow).order_by(SplitRow.id)
    if campaign_id:
        query = query.where(SplitRow.campaign_id == campaign_id)
    return [_split(row) for row in session.scalars(query)]


def taken_back(splits: Iterable[Split]) -> dict[str, Split]:
    """By the id that a split made, the row that took it back.

    Args:
        splits: as `select_splits` gives them.
    """
    made, undone = {}, {}
    for row in splits:
        if row.undoes is None:
            made[row.id] = str(row.new_id)
        else:
            undone[made[row.undoes]] = row
    return undone


def holders(splits: Iterable[Split]) -> dict[tuple[str, int], str]:
    """Whose a wording is by now, by the campaign and the number that it was published under.

    Wordings of which no split speaks are not in it: they are their campaign's. A wording that was parted twice is the
    later campaign's, also once the first split is taken back.

    Args:
        splits: as `select_splits` gives them.
    """
    made: dict[int, Split] = {}
    held: dict[tuple[str, int], str] = {}
    for row in splits:
        split = row if row.undoes is None else made[row.undoes]
        made[row.id] = split
        old, new = split.campaign_id, str(split.new_id)
        held |= {
            (name, one): name for name in (old, new) for one in split.variants if (name, one) not in held
        }
        giver, taker = (old, new) if row.undoes is None else (new, old)
        for key in [key for key, holder in held.items() if holder == giver and key[1] in split.variants]:
            held[key] = taker
    return held


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
        "wordings": [one + 1 for one in made.variants],  # as people see them numbered
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
