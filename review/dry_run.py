"""What a decision would do, told before it is taken: exact counts, and what it would replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from sqlalchemy.orm import Session

from campaigns.decisions import latest, select_decisions
from campaigns.entries import Decision, Verdict
from campaigns.errors import ConflictError, UsageError
from campaigns.named import Shared, named_accounts, shared_accounts
from campaigns.proposals import Intent, Target, changed_since, needs_second
from campaigns.queue import EVERYTHING, MOST_IDS, Confirmed, QueueRow, select_confirmed, select_queue


@dataclass(frozen=True, slots=True)
class Looked:
    """Campaigns as they stand now, with what people said of them.

    Attributes:
        replaced: decisions that stand and would be replaced.
        confirmed: confirmed campaigns besides these.
    """

    rows: tuple[QueueRow, ...]
    replaced: tuple[Decision, ...]
    confirmed: tuple[Confirmed, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """
    Attributes:
        per_campaign: accounts that each campaign names.
        n_accounts: distinct ones of all together.
        shared: how many of these are in another confirmed campaign already.
        needs_second: one person may not decide this alone.
    """

    verdict: Verdict
    rows: tuple[QueueRow, ...]
    per_campaign: dict[str, int]
    n_accounts: int
    shared: Shared
    replaced: tuple[Decision, ...]
    needs_second: bool

    @property
    def n_proposed(self) -> int:
        """Campaigns of which a proposal waits already."""
        return sum(row.proposal_id is not None for row in self.rows)


def look(session: Session, campaign_ids: Sequence[str]) -> Looked:
    """
    Raises:
        UsageError: no campaign is named, more than `MOST_IDS` are, or nobody knows one.
    """
    names = tuple(dict.fromkeys(campaign_ids))
    if not names:
        raise UsageError("no campaign is named", hint="Choose at least one.")
    if len(names) > MOST_IDS:
        raise UsageError(
            f"{len(names)} campaigns are more than {MOST_IDS}", hint="Decide about fewer at a time."
        )
    found = {
        row.campaign_id: row
        for row in select_queue(session, replace(EVERYTHING, only=names), limit=MOST_IDS).rows
    }
    unknown = [name for name in names if name not in found]
    if unknown:
        raise UsageError(f"no campaign {unknown[0]!r}", hint="The queue lists those that there are.")
    rows = tuple(found[name] for name in names)
    decided = [
        one
        for row in rows
        if row.verdict is not None
        for one in latest(select_decisions(session, row.campaign_id, in_force=True)).values()
    ]
    confirmed = [one for one in select_confirmed(session) if one.campaign_id not in found]
    return Looked(rows, tuple(decided), tuple(confirmed))


def dry_run(home: Path, looked: Looked, verdict: Verdict, second_person_accounts: int) -> DryRun:
    """
    Args:
        home: holds the runs.

    Raises:
        IntegrityError: the accounts of a run are gone or damaged.
    """
    named = named_accounts(home, looked.rows)
    intent = Intent(verdict=verdict, targets=(), n_accounts=named.together, reason="", author="")
    return DryRun(
        verdict,
        looked.rows,
        named.per_campaign,
        named.together,
        shared_accounts(home, looked.rows, looked.confirmed),
        looked.replaced,
        needs_second(intent, second_person_accounts),
    )


def intend(
    home: Path,
    looked: Looked,
    runs: Mapping[str, str],
    n_accounts: int,
    *,
    verdict: Verdict,
    reason: str,
    author: str,
    expires_on: date | None,
) -> Intent:
    """What somebody wants to decide, if all is still as their dry run told.

    Args:
        runs: by campaign the run that they looked at.
        n_accounts: that they were told, of all campaigns together.

    Raises:
        ConflictError: it is not.
        IntegrityError: the accounts of a run are gone or damaged.
    """
    named = named_accounts(home, looked.rows)
    changed = [row.campaign_id for row in looked.rows if runs.get(row.campaign_id) != row.run_id]
    if changed:
        raise changed_since(changed)
    if named.together != n_accounts:
        raise ConflictError(
            f"{named.together:,} accounts would be named, not {n_accounts:,}", hint="Look again, then decide."
        )
    targets = (
        Target(
            campaign_id=row.campaign_id,
            day=row.last_day,
            run_id=row.run_id,
            n_accounts=named.per_campaign[row.campaign_id],
        )
        for row in looked.rows
    )
    return Intent(
        verdict=verdict,
        targets=tuple(targets),
        n_accounts=named.together,
        reason=reason,
        author=author,
        expires_on=expires_on,
    )
