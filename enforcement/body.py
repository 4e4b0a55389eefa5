"""What receivers get: the body of a message, composed from the run that was decided on, and its JSON Schema.

No customer's text is in it: no template, no prompt, no title, for titles are made of prompts. `later` names accounts
that runs after the decision name, and that nobody has decided about: they are told, and not to be acted upon.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from campaigns.entries import PublishedRun
from campaigns.errors import IntegrityError
from campaigns.outbox import Effect, Message
from campaigns.runs import Run
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow, RunRow

SCHEMA: Final = "shoal.message/1"
_COLUMNS: Final = ["campaign_id", "account_id", "strength", "reasons", "is_core"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAccount:
    """`strength` (0..1): how surely it belongs, with reasons in words."""

    account_id: str
    strength: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Accounts that the campaign has on its latest day and did not have when it was decided. Not to be acted upon."""

    day: date
    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """By what the run was made."""

    shoal: str
    encoder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A message. Of two about one campaign the higher `version` holds, in whatever order they come.

    Attributes:
        accounts: those to act upon, frozen when the campaign was confirmed; none if it is withdrawn.
        run_id, day: what was looked at when it was confirmed.
        appeal: what an account holder can do against an action.
    """

    schema: str
    message_id: str
    campaign_id: str
    version: int
    effect: Effect
    decided_at: datetime
    decision_id: int
    day: date
    run_id: str
    tier: str
    score: float
    objective: str
    n_prompts: int
    accounts: tuple[NamedAccount, ...]
    later: Later | None
    versions: Versions
    appeal: str

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return told


_ADAPTER: Final = TypeAdapter(Body)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a body; made from the dataclasses, so it cannot say anything else."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **_ADAPTER.json_schema(mode="serialization"),
    }


def compose(session: Session, home: Path, message: Message, appeal: str) -> Body:
    """The body of a message, of the run that its confirmation is about.

    Raises:
        IntegrityError: the files of that run are gone or damaged.
    """
    confirmation = session.get_one(DecisionRow, message.confirmation_id)
    decided = session.get_one(DecisionRow, message.decision_id)
    entry = session.get_one(RunRow, confirmation.run_id).entry()
    row = _campaign(home, entry, message.campaign_id)
    confirmed = message.effect == Effect.CONFIRMED
    accounts = _accounts(home, entry, message.campaign_id)
    return Body(
        schema=SCHEMA,
        message_id=message.message_id,
        campaign_id=message.campaign_id,
        version=message.version,
        effect=message.effect,
        decided_at=decided.created_at.astimezone(UTC),
        decision_id=message.decision_id,
        day=confirmation.day,
        run_id=entry.run_id,
        tier=row["tier"],
        score=row["score"],
        objective=row["objective"],
        n_prompts=row["n_prompts"],
        accounts=accounts if confirmed else (),
        later=_later(session, home, message.campaign_id, entry, accounts) if confirmed else None,
        versions=_versions(home, entry),
        appeal=appeal,
    )


def _later(
    session: Session, home: Path, campaign_id: str, decided: PublishedRun, known: tuple[NamedAccount, ...]
) -> Later | None:
    campaign = session.get(CampaignRow, campaign_id)
    if campaign is None or campaign.last_day <= decided.day:
        return None
    latest = session.get_one(CampaignDayRow, (campaign_id, campaign.last_day))
    entry = session.get_one(RunRow, latest.run_id).entry()
    had = {account.account_id for account in known}
    new = [one.account_id for one in _accounts(home, entry, campaign_id) if one.account_id not in had]
    return Later(day=campaign.last_day, account_ids=tuple(new))


def _campaign(home: Path, entry: PublishedRun, campaign_id: str) -> dict[str, Any]:
    columns = ["campaign_id", "tier", "score", "objective", "n_prompts"]
    rows = _rows(home, entry, "campaigns", columns, campaign_id).to_pylist()
    if len(rows) != 1:
        raise IntegrityError(
            f"run {entry.run_id} does not hold {campaign_id}", where=entry.path, hint="Run `shoal verify`."
        )
    found: dict[str, Any] = rows[0]
    return found


def _accounts(home: Path, entry: PublishedRun, campaign_id: str) -> tuple[NamedAccount, ...]:
    """Those that the run names, by id; passers-by are not among them."""
    rows = _rows(home, entry, "accounts", _COLUMNS, campaign_id)
    named = rows.filter(rows["is_core"]).sort_by("account_id")
    return tuple(
        NamedAccount(
            account_id=row["account_id"], strength=round(row["strength"], 4), reasons=tuple(row["reasons"])
        )
        for row in named.to_pylist()
    )


def _rows(home: Path, entry: PublishedRun, name: str, columns: list[str], campaign_id: str) -> pa.Table:
    """Tables are sorted by campaign, so few row groups are read."""
    path = home / entry.path / f"{name}.parquet"
    try:
        return pq.read_table(
            path,
            columns=columns,
            filters=pc.field("campaign_id") == campaign_id,
            partitioning=None,
            page_checksum_verification=True,
        )
    except FileNotFoundError:
        raise IntegrityError("the files of a run are gone", where=str(path), hint=_HINT) from None
    except pa.ArrowInvalid as error:
        raise IntegrityError("a file of a run is damaged", where=str(path), hint=_HINT) from error


_HINT = "`shoal verify` says what else is; restore the run, then `shoal deliver --replay`."


def _versions(home: Path, entry: PublishedRun) -> Versions:
    manifest = Run(home / entry.path, entry.day, entry.attempt, entry.fingerprint).manifest()
    settings = manifest.get("settings", {}).get("embedding", {})
    return Versions(
        shoal=str(manifest.get("versions", {}).get("shoal", "")), encoder=str(settings.get("model", ""))
    )
