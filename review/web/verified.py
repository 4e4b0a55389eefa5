"""Whether the audit log is whole, checked once for each state that it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from campaigns.audit import Anchor, Verified, head, verify_audit
from campaigns.published import select_published
from review.anchors import noted_anchors
from review.web.desk import Desk

_OVERHEAD: Final = 500


@dataclass(frozen=True, slots=True)
class _Checked:
    found: Verified

    @property
    def nbytes(self) -> int:
        return _OVERHEAD + sum(map(len, self.found.problems))


@dataclass(frozen=True, slots=True)
class _Noted:
    anchors: tuple[Anchor, ...]

    @property
    def nbytes(self) -> int:
        return _OVERHEAD * len(self.anchors)


def badge(desk: Desk) -> Verified:
    """The log against its own codes, and against what the manifests of published runs noted of it.

    Who writes over an earlier row of a log that does not grow is found out by `shoal verify`, or as soon as it grows.
    """
    with desk.store.reading() as session:
        published = select_published(session)
        state = ("anchors", *(run.run_id for run in published))
        noted = desk.memory.value(state, lambda: _Noted(noted_anchors(desk.settings.home, published)))
        last = head(session)
        key = ("audit", last, noted.anchors)
        return desk.memory.value(key, lambda: _Checked(verify_audit(session, noted.anchors))).found
