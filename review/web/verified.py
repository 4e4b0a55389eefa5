"""Whether the audit log is whole: checked from where it was found whole before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from campaigns.audit import Anchor, Verified, head, verify_audit
from campaigns.published import select_published
from review.anchors import noted_anchors
from review.web.desk import Desk

_OVERHEAD: Final = 500
_WHOLE_SECONDS: Final = 3_600


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

    Once it was found whole, only what was added since is looked at, and all of it again every hour; `shoal verify`
    looks at all of it every time.
    """
    with desk.store.reading() as session:
        published = select_published(session)
        state = ("anchors", *(run.run_id for run in published))
        noted = desk.memory.value(state, lambda: _Noted(noted_anchors(desk.settings.home, published)))
        whole = ("audit", noted.anchors, int(desk.clock().timestamp()) // _WHOLE_SECONDS)
        first = desk.memory.value(whole, lambda: _Checked(verify_audit(session, noted.anchors)))
        last = head(session)
        if last == first.found.end:
            return first.found
        grown = first.found.sound and last.sequence > first.found.end.sequence
        since = first.found if grown else None
        checked = desk.memory.value(
            (*whole, last), lambda: _Checked(verify_audit(session, noted.anchors, since=since))
        )
        return checked.found
