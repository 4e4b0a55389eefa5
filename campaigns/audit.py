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

from sqlalchemy import Row, String, func, select, type_coerce
from sqlalchemy.orm import Session

from campaigns.review_tables import AuditRow
from campaigns.tables import storable

KEY_IN_SESSION: Final = "audit_key"
"""Where `Store` leaves the key for the units that write."""
MOST_CHARACTERS: Final = 500
"""Of a subject."""
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
    REPLAYED = "replayed dead letters"
    SINK_OFF = "switched a sink off"
    SINK_ON = "switched a sink on"
    FEED_ISSUED = "issued a feed token"
    FEED_REVOKED = "revoked a feed token"
    ERASED = "erased an account"
    CLEARED = "cleared what was kept long enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """A row of the log. `action` is an `Action`, unless somebody wrote over it. `key_id` tells by which key `mac` was
    made; empty: by none."""

    sequence: int
    at: datetime
    actor: str
    action: str
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

    `keyed_from`: from this row on nobody without the secret key could have made it; None: anybody could. `end` is the
    last row that was looked at.
    """

    rows: int
    keyed_from: int | None
    anchors: int
    problems: tuple[str, ...]
    end: Anchor

    @property
    def sound(self) -> bool:
        return not self.problems


def audit_key(secret: str) -> bytes:
    """The key of the chain, from the secret of the settings; empty if that is."""
    return hashlib.sha256(b"shoal audit" + secret.encode()).digest() if secret else b""


def append(
    session: Session, *, actor: str, action: Action, subject: str, details: dict[str, Any], at: datetime
) -> AuditRecord:
    """Add a row inside a unit that writes; units that write come one at a time, so no two rows follow one.

    Raises:
        ValueError: a figure in `details` is not finite.
    """
    key: bytes = session.info.get(KEY_IN_SESSION, b"")
    before = head(session)
    row = AuditRow(
        sequence=before.sequence + 1,
        at=at.astimezone(UTC),
        actor=storable(actor),
        action=action,
        subject=_short(subject),
        details=_clean(json.loads(json.dumps(details, default=str, allow_nan=False))),
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
    action: Action | None = None,
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
        query = query.where(AuditRow.subject.in_([_short(subject) for subject in subjects]))
    if actor:
        query = query.where(AuditRow.actor == actor)
    if action is not None:
        query = query.where(AuditRow.action == action)
    if before is not None:
        query = query.where(AuditRow.sequence < before)
    return [_record(row) for row in session.scalars(query.limit(limit))]


def count_audit(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(AuditRow)) or 0


def verify_audit(
    session: Session, anchors: Iterable[Anchor] = (), *, since: Verified | None = None
) -> Verified:
    """Walk the whole chain. Problems name the rows that they begin and end at.

    Args:
        anchors: heads of the chain as runs noted them.
        since: an earlier walk with the same anchors that found nothing: only what came after its end is looked at.
    """
    walk = _Walk(session.info.get(KEY_IN_SESSION, b""), since)
    noted = sorted(anchors, key=lambda one: one.sequence)
    waiting = deque(one for one in noted if since is None or one.sequence > since.end.sequence)
    walk.meet(waiting)
    rows = _AS_STORED.where(AuditRow.sequence > walk.last).execution_options(yield_per=1_000)
    for row in session.execute(rows):
        walk.step(row)
        walk.meet(waiting)
    cut = [
        f"audit: the log ends at row {walk.last}, and {anchor.source or 'an anchor'} noted row {anchor.sequence}"
        for anchor in waiting
    ]
    found = [told for _, told in sorted([*walk.spans(), *walk.strangers])]
    return Verified(walk.count, walk.keyed_from, len(noted), (*found, *cut), walk.end)


_AS_STORED: Final = select(
    AuditRow.sequence,
    type_coerce(AuditRow.at, String).label("at"),
    AuditRow.actor,
    AuditRow.action,
    AuditRow.subject,
    type_coerce(AuditRow.details, String).label("details"),
    AuditRow.key_id,
    AuditRow.mac,
).order_by(AuditRow.sequence)
"""Not by the types of the columns: who gets at a SQLite file can write there what no type reads."""


class _Kind(StrEnum):
    """What is wrong with a row, or with several that follow each other."""

    MISSING = "missing"
    UNREADABLE = "not readable"
    FOREIGN = "made with another secret key, and cannot be checked"
    UNKEYED = "made without the secret key"
    CHANGED = "not what was written"


class _Walk:
    """Goes from row to row and notes what does not follow."""

    def __init__(self, key: bytes, since: Verified | None = None) -> None:
        start = since or Verified(0, None, 0, (), Anchor(0, _START))
        self._key = key
        self._key_id = _key_id(key)
        self._mac = start.end.mac
        self._any_key = start.keyed_from is not None
        self._found: list[tuple[_Kind, int, int]] = []
        self.count, self.last = start.rows, start.end.sequence
        self.keyed_from = start.keyed_from
        self.strangers: list[tuple[int, str]] = []

    @property
    def end(self) -> Anchor:
        return Anchor(self.last, self._mac)

    def step(self, row: Row[Any]) -> None:
        self.count += 1
        if row.sequence != self.last + 1:
            self._note(_Kind.MISSING, self.last + 1, row.sequence - 1)
        elif kind := self._kind(row):
            self._note(kind, row.sequence, row.sequence)
        self._any_key |= row.key_id != ""
        if self._key and row.key_id == self._key_id and self.keyed_from is None:
            self.keyed_from = row.sequence
        self.last, self._mac = row.sequence, str(row.mac)

    def meet(self, waiting: deque[Anchor]) -> None:
        """Compare the anchors up to here, of which each row has its own, with where the walk stands."""
        while waiting and waiting[0].sequence <= self.last:
            anchor = waiting.popleft()
            if (anchor.sequence, anchor.mac) != (self.last, self._mac):
                told = (
                    f"audit: row {anchor.sequence} is not the one that {anchor.source or 'an anchor'} noted"
                )
                self.strangers.append((anchor.sequence, told))

    def spans(self) -> list[tuple[int, str]]:
        """Each problem with the row that it begins at."""
        return [
            (first, f"audit: {f'row {first} is' if first == last else f'rows {first} to {last} are'} {kind}")
            for kind, first, last in self._found
        ]

    def _kind(self, row: Row[Any]) -> _Kind | None:
        if row.key_id not in ("", self._key_id):
            return _Kind.FOREIGN
        if not row.key_id and self._any_key:
            return _Kind.UNKEYED
        stored = _read_back(row)
        if stored is None:
            return _Kind.UNREADABLE
        return None if row.mac == _mac(self._key if row.key_id else b"", self._mac, stored) else _Kind.CHANGED

    def _note(self, kind: _Kind, first: int, last: int) -> None:
        if self._found and self._found[-1][0] == kind and self._found[-1][2] == first - 1:
            first = self._found.pop()[1]
        self._found.append((kind, first, last))


def _read_back(row: Row[Any]) -> dict[str, Any] | None:
    """A row as `_stored` tells of it; None: nothing that was written by `append` looks like it."""
    try:
        at = datetime.fromisoformat(row.at) if isinstance(row.at, str) else row.at
        details = json.loads(row.details) if isinstance(row.details, str) else row.details
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (AttributeError, TypeError, ValueError):
        return None
    texts = {name: getattr(row, name) for name in ("actor", "action", "subject", "key_id")}
    if not isinstance(details, dict) or not all(isinstance(text, str) for text in texts.values()):
        return None
    return texts | {
        "sequence": row.sequence,
        "at": at.isoformat(timespec="microseconds"),
        "details": details,
    }


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


def _short(subject: str) -> str:
    """A subject that fits an index; PostgreSQL's has room for 2,704 bytes. One that is cut ends with its checksum."""
    subject = storable(subject)
    if len(subject) <= MOST_CHARACTERS:
        return subject
    return f"{subject[:MOST_CHARACTERS]}... {hashlib.sha256(subject.encode()).hexdigest()[:16]}"


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
        action=row.action,
        subject=row.subject,
        details=row.details,
        key_id=row.key_id,
        mac=row.mac,
    )
