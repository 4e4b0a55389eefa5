"""Bodies of messages, composed from the runs that were decided on.

Messages of one run are composed together, so each of its tables is read once for all of them. A run whose files are
gone costs its own messages, and no others; a withdrawal needs none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from campaigns.all_tables import METADATA
from campaigns.delivery_tables import MessageRow
from campaigns.entries import Decision, PublishedRun
from campaigns.errors import IntegrityError, UsageError
from campaigns.outbox import Effect, Message
from campaigns.runs import Run
from campaigns.tables import CampaignDayRow, CampaignRow, DecisionRow, RunRow
from enforcement.body import Body, Found, Later, NamedAccount

_HINT: Final = "`shoal verify` says what else is; restore the run, then `shoal deliver --replay`."
_MESSAGES: Final[Table] = METADATA.tables[MessageRow.__tablename__]


def composed(
    session: Session, home: Path, messages: Sequence[Message], appeal: str
) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Bodies of the messages that have none yet, ready for JSON; and of those that cannot have one, why. Both by
    `Message.id`.

    Args:
        home: holds the runs.
        appeal: see `Body`.
    """
    bare = [one for one in messages if one.body is None]
    sources = _Sources.read(session, home, bare)
    made: dict[int, dict[str, Any]] = {}
    broken: dict[int, str] = {}
    for one in bare:
        try:
            made[one.id] = sources.body(one, appeal).as_json()
        except IntegrityError as error:
            broken[one.id] = error.what
    return made, broken


def freeze(session: Session, bodies: Mapping[int, dict[str, Any]]) -> None:
    """Keep bodies from now on. What another process kept first stays."""
    statement = (
        update(_MESSAGES)
        .where(_MESSAGES.c.id == bindparam("number"), _MESSAGES.c.body.is_(None))
        .values(body=bindparam("made"))
    )
    rows = [{"number": number, "made": body} for number, body in bodies.items()]
    if rows:
        session.connection().execute(statement, rows)


@dataclass(frozen=True, slots=True)
class _Sources:
    """What bodies are made of: decisions by id, runs by id or why they cannot be read, latest days by campaign."""

    decisions: dict[int, Decision]
    runs: dict[str, _Decided | IntegrityError]
    latest: dict[str, _Latest]

    @classmethod
    def read(cls, session: Session, home: Path, messages: Sequence[Message]) -> _Sources:
        decisions = _decisions(session, messages)
        confirmed = [one for one in messages if one.effect == Effect.CONFIRMED]
        asked: dict[str, list[str]] = defaultdict(list)
        for one in confirmed:
            asked[decisions[one.confirmation_id].run_id].append(one.campaign_id)
        runs: dict[str, _Decided | IntegrityError] = {}
        for run_id, names in asked.items():
            try:
                runs[run_id] = _Decided.read(home, _entry(session, run_id), names)
            except IntegrityError as error:
                runs[run_id] = error
        return cls(decisions, runs, _latest(session, home, [one.campaign_id for one in confirmed]))

    def body(self, message: Message, appeal: str) -> Body:
        """
        Raises:
            IntegrityError: the run of the confirmation cannot be read, or does not hold the campaign.
        """
        confirmation = self.decisions[message.confirmation_id]
        found: Found | None = None
        accounts: tuple[NamedAccount, ...] = ()
        later: Later | None = None
        if message.effect == Effect.CONFIRMED:
            run = self.runs[confirmation.run_id]
            if isinstance(run, IntegrityError):
                raise run
            found, accounts = run.of(message.campaign_id)
            later = _later(confirmation.day, accounts, self.latest.get(message.campaign_id))
        return Body(
            message_id=message.message_id,
            campaign_id=message.campaign_id,
            version=message.version,
            effect=message.effect,
            decided_at=self.decisions[message.decision_id].created_at.astimezone(UTC),
            decision_id=message.decision_id,
            day=confirmation.day,
            run_id=confirmation.run_id,
            found=found,
            accounts=accounts,
            later=later,
            appeal=appeal,
        )


# -- what the store knows ------------------------------------------------------------------------------


def _decisions(session: Session, messages: Iterable[Message]) -> dict[int, Decision]:
    numbers = {number for one in messages for number in (one.decision_id, one.confirmation_id)}
    rows = session.scalars(select(DecisionRow).where(DecisionRow.id.in_(numbers)))
    return {row.id: row.entry() for row in rows}


def _entry(session: Session, run_id: str) -> PublishedRun:
    row = session.get(RunRow, run_id)
    if row is None:
        raise IntegrityError("the store does not know the run that was decided on", where=run_id)
    return row.entry()


@dataclass(frozen=True, slots=True)
class _Latest:
    """Accounts that the latest day names."""

    day: date
    account_ids: tuple[str, ...]


def _latest(session: Session, home: Path, names: Sequence[str]) -> dict[str, _Latest]:
    """By campaign. Nothing where its latest day cannot be read: it is not what was decided on."""
    query = (
        select(CampaignDayRow.campaign_id, CampaignDayRow.day, CampaignDayRow.run_id)
        .join(CampaignRow, CampaignRow.campaign_id == CampaignDayRow.campaign_id)
        .where(CampaignRow.campaign_id.in_(names), CampaignDayRow.day == CampaignRow.last_day)
    )
    by_run: dict[str, list[str]] = defaultdict(list)
    days: dict[str, date] = {}
    for name, day, run_id in session.execute(query).tuples():
        by_run[run_id].append(name)
        days[name] = day
    found: dict[str, _Latest] = {}
    for run_id, held in by_run.items():
        with suppress(IntegrityError):
            rows = _named(home, _entry(session, run_id), held, ["campaign_id", "account_id"])
            ids: dict[str, list[str]] = {name: [] for name in held}
            for row in rows.to_pylist():
                ids[row["campaign_id"]].append(row["account_id"])
            found |= {name: _Latest(days[name], tuple(sorted(every))) for name, every in ids.items()}
    return found


def _later(decided: date, accounts: Iterable[NamedAccount], latest: _Latest | None) -> Later | None:
    if latest is None or latest.day <= decided:
        return None
    had = {account.account_id for account in accounts}
    return Later(day=latest.day, account_ids=tuple(one for one in latest.account_ids if one not in had))


# -- what a run says -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Decided:
    """What a run says of campaigns, and the accounts that it names, by id; passers-by are not among them."""

    found: dict[str, Found]
    accounts: dict[str, tuple[NamedAccount, ...]]

    @classmethod
    def read(cls, home: Path, entry: PublishedRun, names: Sequence[str]) -> _Decided:
        """
        Raises:
            IntegrityError: files are gone or damaged.
        """
        manifest = _manifest(home, entry)
        columns = ["campaign_id", "tier", "score", "objective", "n_prompts", "n_accounts"]
        wanted = pc.field("campaign_id").isin(names)
        found = {
            row.pop("campaign_id"): Found(
                **row,
                shoal=str(manifest.get("versions", {}).get("shoal", "")),
                encoder=str(manifest.get("settings", {}).get("embedding", {}).get("model", "")),
            )
            for row in _rows(home, entry, "campaigns", columns, wanted).to_pylist()
        }
        accounts: dict[str, list[NamedAccount]] = {name: [] for name in names}
        columns = ["campaign_id", "account_id", "strength", "reasons"]
        for row in _named(home, entry, names, columns).to_pylist():
            accounts[row["campaign_id"]].append(
                NamedAccount(
                    account_id=row["account_id"],
                    strength=round(row["strength"], 4),
                    reasons=tuple(row["reasons"]),
                )
            )
        by_id = {
            name: tuple(sorted(every, key=lambda one: one.account_id)) for name, every in accounts.items()
        }
        return cls(found, by_id)

    def of(self, campaign_id: str) -> tuple[Found, tuple[NamedAccount, ...]]:
        """
        Raises:
            IntegrityError: the run does not hold it.
        """
        if campaign_id not in self.found:
            raise IntegrityError("the run that was decided on does not hold the campaign", hint=_HINT)
        return self.found[campaign_id], self.accounts[campaign_id]


def _named(home: Path, entry: PublishedRun, names: Sequence[str], columns: list[str]) -> pa.Table:
    wanted = pc.field("campaign_id").isin(names) & pc.field("is_core")
    return _rows(home, entry, "accounts", columns, wanted)


def _rows(home: Path, entry: PublishedRun, name: str, columns: list[str], wanted: pc.Expression) -> pa.Table:
    path = home / entry.path / f"{name}.parquet"
    try:
        return pq.read_table(
            path, columns=columns, filters=wanted, partitioning=None, page_checksum_verification=True
        )
    except FileNotFoundError:
        raise IntegrityError("the files of a run are gone", where=str(path), hint=_HINT) from None
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise IntegrityError("a file of a run is damaged", where=str(path), hint=_HINT) from error


def _manifest(home: Path, entry: PublishedRun) -> dict[str, Any]:
    run = Run(home / entry.path, entry.day, entry.attempt, entry.fingerprint)
    try:
        return run.manifest()
    except UsageError as error:
        raise IntegrityError("the files of a run are gone", where=str(run.path), hint=_HINT) from error
