"""How a change is told to the scripts of the page that asked for it: by an event, `decided`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from campaigns.proposals import count_waiting
from campaigns.store import Store

BY_MISTAKE: Final = "decided by mistake"
"""The reason of an undo by key, which asks for none."""


def n_waiting(store: Store) -> int:
    """Proposals that wait for a second person."""
    with store.reading() as session:
        return count_waiting(session)


def with_decided(
    response: Response,
    *,
    gone: Sequence[str] = (),
    back: Sequence[str] = (),
    undo: Mapping[str, Any] | None = None,
    waiting: int | None = None,
) -> Response:
    """
    Args:
        gone: campaigns that were decided about, or proposed; `back`: those that no longer are.
        undo: `path` and `values` of the request that takes it back.
        waiting: proposals that wait, if their number has changed.
    """
    told = {"decided": {"gone": list(gone), "back": list(back), "undo": undo, "waiting": waiting}}
    response.headers["HX-Trigger"] = json.dumps(told)
    return response
