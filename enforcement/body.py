"""What receivers get: the body of a message, and its JSON Schema.

No customer's text is in it: no template, no prompt, no title, for titles are made of prompts. `later` names accounts
that runs after the decision name, and that nobody has decided about: they are told, and not to be acted upon.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from campaigns.outbox import Effect

SCHEMA: Final = "shoal.message/1"
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAccount:
    """`strength` (0..1): how surely it belongs, with reasons in words."""

    account_id: str
    strength: Share
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Accounts that the campaign has on its latest day and did not have when it was decided. Not to be acted upon."""

    day: date
    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the run said of the campaign, passers-by included. `shoal` and `encoder`: by what it was found."""

    tier: str
    score: Share
    objective: str
    n_prompts: int
    n_accounts: int
    shoal: str
    encoder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A message. Of two about one campaign the higher `version` holds, in whatever order they come.

    Attributes:
        day, run_id: what was looked at when the campaign was confirmed.
        found: None if it is withdrawn: an undo leaves also when the run is lost.
        accounts: those to act upon, frozen when the campaign was confirmed; none if it is withdrawn.
        later: None if no later day has the campaign, or it is withdrawn.
        appeal: what an account holder can do against an action.
    """

    schema: Literal["shoal.message/1"] = SCHEMA
    message_id: str
    campaign_id: str
    version: Annotated[int, Field(ge=1)]
    effect: Effect
    decided_at: datetime
    decision_id: int
    day: date
    run_id: str
    found: Found | None
    accounts: tuple[NamedAccount, ...]
    later: Later | None
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
