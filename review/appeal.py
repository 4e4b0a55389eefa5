"""All that is known of one account, for somebody who has to answer an appeal: what runs, people and messages said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select

from campaigns import files
from campaigns.decisions import latest
from campaigns.delivery_tables import DeliveryRow, MessageRow
from campaigns.entries import AllowEntry, AllowKind, Decision, PublishedRun, template_hash
from campaigns.errors import IntegrityError
from campaigns.runs import Run
from campaigns.store import Store
from campaigns.tombstones import Tombstone, find
from review.account import AccountDay, read_account
from review.run_tables import RunTables


@dataclass(frozen=True, slots=True)
class Delivered:
    """How far a receiver has a message; `at` is None while it waits."""

    sink: str
    state: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message that holds the account. `named`: among those to act upon; else it came later, and is not.

    `known` is False where the body is not kept: its version tells the campaign, and the decided run whom it named.
    """

    message_id: str
    campaign_id: str
    version: int
    effect: str
    created_at: datetime
    named: bool
    known: bool
    deliveries: tuple[Delivered, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision whose run names the account; `is_core`: as one of the campaign, not as a passer-by."""

    decision: Decision
    stands: bool
    is_core: bool


@dataclass(frozen=True, slots=True)
class Known:
    """
    Attributes:
        days: published days on which the account sent anything, the latest first.
        allowed: entries of the allow-list that cover a campaign or an organization of it, with what they cover.
        unread: runs whose files are gone, damaged, or without texts: what they said of it is not known.
    """

    days: tuple[AccountDay, ...]
    decisions: tuple[Decided, ...]
    messages: tuple[Told, ...]
    allowed: tuple[tuple[AllowEntry, str], ...]
    tombstone: Tombstone | None
    unread: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether no run, decision or message has the account; a tombstone may be there."""
        return not (self.days or self.decisions or self.messages)

    @property
    def names(self) -> list[str]:
        """Campaigns that any run or message puts the account into."""
        told = {belonging.campaign_id for day in self.days for belonging in day.campaigns}
        told |= {one.decision.campaign_id for one in self.decisions} | {
            one.campaign_id for one in self.messages
        }
        return sorted(told)


def read_known(store: Store, home: Path, ids: Sequence[str]) -> Known:
    """
    Args:
        home: holds the runs.
        ids: the forms that the account's id may have in what Shoal keeps.
    """
    reader = _Reader(store, home, ids)
    days = reader.days()
    decisions = reader.decisions()
    messages = reader.messages(decisions)
    allowed = reader.allowed(days, decisions)
    return Known(days, decisions, messages, allowed, find(store, ids), tuple(sorted(reader.unread)))


class _Reader:
    def __init__(self, store: Store, home: Path, ids: Sequence[str]) -> None:
        self._store, self._home, self._ids = store, home, ids
        self._tables: dict[str, RunTables] = {}
        self._organizations: set[str] = set()
        self.unread: set[str] = set()

    def days(self) -> tuple[AccountDay, ...]:
        found = []
        for day in reversed(self._store.published_days()):
            entry = self._store.current_run(day)
            if entry is None:
                continue
            try:
                tables = self._of(entry)
                for name in self._ids:
                    sent = self._sent(tables.run, name)
                    (one,) = read_account([tables], name)
                    if sent or one.campaigns or one.bridges:
                        found.append(one)
            except (IntegrityError, OSError):
                self.unread.add(entry.run_id)
        return tuple(found)

    def decisions(self) -> tuple[Decided, ...]:
        every = self._store.decisions()
        stands = {one.id for one in latest(self._store.decisions(in_force=True)).values()}
        by_run: dict[str, list[Decision]] = defaultdict(list)
        for one in every:
            by_run[one.run_id].append(one)
        found: list[Decided] = []
        for run_id, decisions in by_run.items():
            rows = self._rows(run_id)
            found += [
                Decided(one, one.id in stands, rows[one.campaign_id])
                for one in decisions
                if one.campaign_id in rows
            ]
        return tuple(sorted(found, key=lambda one: one.decision.id))

    def messages(self, decisions: Iterable[Decided]) -> tuple[Told, ...]:
        """By their bodies; those without one by the decision that they tell of. A withdrawal goes with what it ends."""
        decided = {one.decision.id for one in decisions if one.is_core}
        found = []
        with self._store.reading() as session:
            deliveries: dict[int, list[Delivered]] = defaultdict(list)
            for row in session.scalars(select(DeliveryRow).order_by(DeliveryRow.sink)):
                deliveries[row.message].append(Delivered(row.sink, row.state, row.settled_at))
            for one in session.scalars(select(MessageRow).order_by(MessageRow.id)):
                named, later = self._in_body(one.body)
                of_decision = one.confirmation_id in decided
                if named or later or of_decision:
                    found.append(
                        Told(
                            message_id=one.message_id,
                            campaign_id=one.campaign_id,
                            version=one.version,
                            effect=one.effect,
                            created_at=one.created_at,
                            named=named or of_decision,
                            known=one.body is not None,
                            deliveries=tuple(deliveries[one.id]),
                        )
                    )
        return tuple(found)

    def allowed(
        self, days: Iterable[AccountDay], decisions: Iterable[Decided]
    ) -> tuple[tuple[AllowEntry, str], ...]:
        names = {one.campaign_id for day in days for one in day.campaigns}
        names |= {one.decision.campaign_id for one in decisions}
        hashes = {
            template_hash(campaign.template): campaign.campaign_id
            for campaign in self._store.campaigns()
            if campaign.campaign_id in names
        }
        found = []
        for entry in self._store.allow_list():
            if entry.kind == AllowKind.CAMPAIGN and entry.value in names:
                found.append((entry, f"campaign {entry.value}"))
            elif entry.kind == AllowKind.ORGANIZATION and entry.value in self._organizations:
                found.append((entry, "its organization"))
            elif entry.kind == AllowKind.TEMPLATE and entry.value in hashes:
                found.append((entry, f"the template of {hashes[entry.value]}"))
        return tuple(found)

    def _in_body(self, body: dict[str, Any] | None) -> tuple[bool, bool]:
        if body is None:
            return False, False
        named = any(one["account_id"] in self._ids for one in body["accounts"])
        later = body["later"]
        return named, later is not None and any(name in later["account_ids"] for name in self._ids)

    def _rows(self, run_id: str) -> dict[str, bool]:
        """Whether a campaign of the run has the account in its core, by its id."""
        entry = self._store.run(run_id)
        if entry is None:
            self.unread.add(run_id)
            return {}
        try:
            tables = self._of(entry)
            return {
                row["campaign_id"]: row["is_core"]
                for name in self._ids
                for row in tables.rows("accounts", "account_id", name, ["campaign_id", "is_core"]).to_pylist()
            }
        except (IntegrityError, OSError):
            self.unread.add(run_id)
            return {}

    def _sent(self, run: Run, name: str) -> bool:
        """Whether the account sent anything that day; its organizations are noted."""
        sent = False
        for part in run.prompt_parts():
            table = files.read_parquet(part, ["account_id", "organization_id"])
            mine = table.filter(pc.equal(table["account_id"], pa.scalar(name)))
            sent = sent or mine.num_rows > 0
            self._organizations |= set(mine["organization_id"].drop_null().to_pylist())
        return sent

    def _of(self, entry: PublishedRun) -> RunTables:
        run = Run(self._home / entry.path, entry.day, entry.attempt, entry.fingerprint)
        return self._tables.setdefault(entry.run_id, RunTables(run))
