"""Which campaign a person means: an id may be cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaigns.errors import UsageError

if TYPE_CHECKING:
    from campaigns.store import Store


def resolve(store: Store, given: str) -> str:
    """The id of the one campaign whose id is, or begins with, `given`.

    Raises:
        UsageError: there is none, or several.
    """
    ids = [campaign.campaign_id for campaign in store.campaigns()]
    found = [given] if given in ids else sorted(name for name in ids if given and name.startswith(given))
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"no campaign {given!r}", where=store.where, hint="`shoal campaigns --all` lists them."
        )
    raise UsageError(
        f"{len(found)} campaigns begin with {given!r}", hint=f"For example {found[0]} and {found[1]}."
    )
