"""The audit log: who changed what, as a chain of which no link can be altered, moved or cut out unseen.

The code of each row is an HMAC-SHA256 over the code of the row before and over the row itself, so an edit breaks every
code after it (B. Schneier and J. Kelsey, "Secure Audit Logs to Support Computer Forensics", 1999). A cut at the end
breaks none; the manifest of each run therefore names the head of the chain (`anchor`), and a chain that does not reach
its anchors was cut. The database refuses updates and deletes; whoever gets round that is found out here.

Without a secret key the codes are plain checksums: they show accidents, and no insider who can compute them too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.review_tables import AuditRow
from campaigns.tables import storable

KEY_IN_SESSION: Final = "audit_key"
"""Where `Store` leaves the key for the units that write."""
_START: Final = "0" * 64


class Action(StrEnum):
    """What was done; `subject` is what it was done to."""

    DECIDED = "decided"
    UNDONE = "took a decision back"
    PROPOSED = "proposed a decision"
    APPROVED = "approved a proposal"
    DECLINED = "declined a proposal"
    WITHDREW = "withdrew a proposal"
    ANSWERED = "said whether two campaigns are one"
    SPLIT = "split a campaign"
    UNSPLIT = "took a split back"
    RELABELLED = "relabelled a campaign"
    ALLOWED = "added to the allow-list"
    DISALLOWED = "removed from the allow-list"
    SEED = "changed a seed"
    VIEW_SAVED = "saved a view"
    VIEW_REMOVED = "removed a view"
    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    REFUSED = "was refused"
    EXPORTED = "exported"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """A row of the log. `key_id` tells by which key `mac` was made; empty: by none."""

    sequence: int
    at: datetime
    actor: str
    action: Action
    subject: str
    details: dict[str, Any]
    key_id: str
    mac: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """How the chain stood when something else, `source`, took note of it."""

    sequence: int
    mac: str
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"sequence": self.sequence, "mac": self.mac}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the whole chain found; `problems` name positions.

    `keyed_from`: from this row on nobody without the secret key could have made it; None: anybody could.
    """

    rows: int
    keyed_from: int | None
    anchors: int
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not self.problems


def audit_key(secret: str) -> bytes:
    """The key of the chain, from the secret of the settings; empty if that is."""
    return hashlib.sha256(b"shoal audit" + secret.encode()).digest() if secret else b""


def append(
    session: Session, *, actor: str, action: Action, subject: str, details: dict[str, Any], at: datetime
) -> AuditRecord:
    """Add a row inside a unit that writes; units that write come one at a time, so no two rows follow one."""
    key: bytes = session.info.get(KEY_IN_SESSION, b"")
    before = head(session)
    row = AuditRow(
        sequence=before.sequence + 1,
        at=at.astimezone(UTC),
        actor=storable(actor),
        action=action,
        subject=storable(subject),
        details=_clean(json.loads(json.dumps(details, default=str))),
        key_id=_key_id(key),
        mac="",
    )
    session.add(row)
    row.mac = _mac(key, before.mac, _stored(row))
    session.flush()
    return _record(row)


def head(session: Session) -> Anchor:
    """The last row, or the start of an empty chain."""
    last = session.execute(
        select(AuditRow.sequence, AuditRow.mac).order_by(AuditRow.sequence.desc()).limit(1)
    ).one_or_none()
    return Anchor(0, _START) if last is None else Anchor(last.sequence, last.mac)


def select_audit(
    session: Session,
    *,
    subjects: Sequence[str] = (),
    actor: str = "",
    before: int | None = None,
    limit: int | None = None,
) -> list[AuditRecord]:
    """Rows, the latest first.

    Args:
        subjects: only about these; empty: all.
        before: only rows with a lower sequence.
    """
    query = select(AuditRow).order_by(AuditRow.sequence.desc())
    if subjects:
        query = query.where(AuditRow.subject.in_(subjects))
    if actor:
        query = query.where(AuditRow.actor == actor)
    if before is not None:
        query = query.where(AuditRow.sequence < before)
    return [_record(row) for row in session.scalars(query.limit(limit))]


def count_audit(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(AuditRow)) or 0


def verify_audit(session: Session, anchors: Iterable[Anchor] = ()) -> Verified:
    """Walk the whole chain. Each problem names the row that it begins at, and is told once.

    Args:
        anchors: heads of the chain as runs noted them.
    """
    walk = _Walk(session.info.get(KEY_IN_SESSION, b""))
    noted = sorted(anchors, key=lambda one: one.sequence)
    waiting = deque(noted)
    query = select(AuditRow).order_by(AuditRow.sequence).execution_options(yield_per=1_000)
    for row in session.scalars(query):
        walk.step(row)
        while waiting and waiting[0].sequence <= row.sequence:
            anchor = waiting.popleft()
            if anchor != Anchor(row.sequence, row.mac, anchor.source):
                walk.problems.append(
                    f"audit: row {anchor.sequence} is not the one that {anchor.source or 'an anchor'} noted"
                )
        session.expunge(row)
    walk.problems += [
        f"audit: the log ends at row {walk.last}, and {anchor.source or 'an anchor'} noted row {anchor.sequence}"
        for anchor in waiting
        if anchor.sequence > 0
    ]
    return Verified(walk.count, walk.keyed_from, len(noted), tuple(walk.problems))


class _Walk:
    """Goes from row to row and notes what does not follow."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._mac = _START
        self._foreign = False
        self.count, self.last = 0, 0
        self.keyed_from: int | None = None
        self.problems: list[str] = []

    def step(self, row: AuditRow) -> None:
        self.count += 1
        if row.sequence != self.last + 1:
            gone = f"row {self.last + 1} is" if row.sequence == self.last + 2 else (
                f"rows {self.last + 1} to {row.sequence - 1} are"
            )  # fmt: skip
            self.problems.append(f"audit: {gone} missing")
        elif row.key_id not in ("", _key_id(self._key)):
            if not self._foreign:
                self.problems.append(
                    f"audit: rows from {row.sequence} on were made with another secret key, and cannot be checked"
                )
            self._foreign = True
        elif not row.key_id and self.keyed_from is not None:
            self.problems.append(f"audit: row {row.sequence} was made without the secret key")
        elif row.mac != _mac(self._key if row.key_id else b"", self._mac, _stored(row)):
            self.problems.append(f"audit: row {row.sequence} is not what was written after row {self.last}")
        if row.key_id and self.keyed_from is None:
            self.keyed_from = row.sequence
        self.last, self._mac = row.sequence, row.mac


def _mac(key: bytes, before: str, stored: dict[str, Any]) -> str:
    message = (before + json.dumps(stored, sort_keys=True, ensure_ascii=True)).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest() if key else hashlib.sha256(message).hexdigest()


def _stored(row: AuditRow) -> dict[str, Any]:
    """What the code is made of, spelled as any database gives it back."""
    return {
        "sequence": row.sequence,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "action": str(row.action),
        "subject": row.subject,
        "details": row.details,
        "key_id": row.key_id,
    }


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {storable(name): _clean(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return storable(value) if isinstance(value, str) else value


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"id" + key).hexdigest()[:8] if key else ""


def _record(row: AuditRow) -> AuditRecord:
    return AuditRecord(
        sequence=row.sequence,
        at=row.at,
        actor=row.actor,
        action=Action(row.action),
        subject=row.subject,
        details=row.details,
        key_id=row.key_id,
        mac=row.mac,
    )
