"""What a reader of the queue asks for, as an address or a form says it, and as a saved view keeps it.

Words that are sought come by form only and never stand in an address: what an analyst looks for is nobody's business,
and often part of a prompt. An address names a saved view by its number instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, Field

from campaigns.entries import CampaignState, Verdict
from campaigns.queue import MOST_IDS, PROPOSED, UNDECIDED, Filter, Sort
from campaigns.records import Objective, Tier

ALL: Final = "all"
TIERS: Final[dict[str, tuple[Tier, ...]]] = {
    "suspected": (Tier.ACTIONABLE, Tier.REVIEW),
    **{tier.value: (tier,) for tier in Tier},
    ALL: (),
}
DECISIONS: Final[dict[str, tuple[str, ...]]] = {
    UNDECIDED: (UNDECIDED,),
    PROPOSED: (PROPOSED,),
    **{verdict.value: (verdict.value,) for verdict in (Verdict.WATCH, Verdict.CONFIRMED, Verdict.DISMISSED)},
    ALL: (),
}
STATES: Final[dict[str, tuple[CampaignState, ...]]] = {
    **{state.value: (state,) for state in CampaignState},
    ALL: (),
}
"""What each choice lets pass. The first is what is asked for where nobody chooses."""
UP, DOWN = "up", "down"


def _parts(given: Any) -> list[str]:
    """Ids, each in a value of its own or several with commas between."""
    values = [given] if isinstance(given, str) else list(given)
    return [name for value in values for name in str(value).split(",") if name]


class Asked(BaseModel):
    """
    Attributes:
        on: these campaigns and no others. Then what is not chosen leaves nothing out, else it means the first choice.
        latest: only what was seen on the latest published day.
        words: sought in titles, templates and ids.
    """

    tier: Literal["", "suspected", "actionable", "review", "benign", "all"] = ""
    decision: Literal["", "undecided", "proposed", "watch", "confirmed", "dismissed", "all"] = ""
    state: Literal["", "open", "dormant", "retired", "merged", "all"] = ""
    objective: Objective | Literal[""] = ""
    operator: Annotated[str, Field(max_length=64)] = ""
    latest: bool = False
    sort: Sort = Sort.SCORE
    order: Literal["down", "up"] = "down"
    on: Annotated[list[str], BeforeValidator(_parts), Field(max_length=MOST_IDS)] = Field(
        default_factory=list
    )
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    words: Annotated[str, Field(max_length=200)] = ""

    def chosen(self, name: str) -> str:
        """The choice that holds for `tier`, `decision` or `state`."""
        given: str = getattr(self, name)
        return given or (ALL if self.on else next(iter(_CHOICES[name])))

    def filter(self, latest_day: date | None) -> Filter:
        return Filter(
            tiers=TIERS[self.chosen("tier")],
            verdicts=DECISIONS[self.chosen("decision")],
            states=STATES[self.chosen("state")],
            objective=self.objective or None,
            operator=self.operator.strip(),
            seen_on=latest_day if self.latest else None,
            search=self.words,
            only=tuple(self.on),
            sort=self.sort,
            descending=self.order == DOWN,
        )

    def settled(self) -> Asked:
        """The same with every choice made, on its first page: equal for all who get the same list."""
        given = {name: getattr(self, name) for name in Asked.model_fields}
        choices = {name: self.chosen(name) for name in _CHOICES}
        words, operator = " ".join(self.words.split()), self.operator.strip()
        return Asked(**{**given, **choices, "words": words, "operator": operator, "page": 1})

    def address(self, *, page: int = 1) -> str:
        """Of the list, without the words that are sought; what is as it would be anyhow is left out."""
        plain = Asked(on=self.on)
        said: list[tuple[str, str]] = [
            (name, self.chosen(name)) for name in _CHOICES if self.chosen(name) != plain.chosen(name)
        ]
        said += [("objective", str(self.objective))] if self.objective else []
        said += [("operator", self.operator.strip())] if self.operator.strip() else []
        said += [("latest", "1")] if self.latest else []
        said += [("sort", self.sort.value)] if self.sort != plain.sort else []
        said += [("order", self.order)] if self.order != plain.order else []
        said += [("on", ",".join(self.on))] if self.on else []
        said += [("page", str(page))] if page > 1 else []
        return "/queue" + (f"?{urlencode(said, safe=',')}" if said else "")

    def as_view(self) -> dict[str, Any]:
        """For `campaigns.views`. The latest day is told as such, not as the day that it is now."""
        return {**self.filter(None).as_json(), "latest": self.latest}

    @staticmethod
    def of_view(query: Mapping[str, Any]) -> Asked:
        """
        Raises:
            UsageError: it is no filter.
        """
        wanted = Filter.from_json(dict(query))
        return Asked(
            tier=_choice(TIERS, wanted.tiers),
            decision=_choice(DECISIONS, wanted.verdicts),
            state=_choice(STATES, wanted.states),
            objective=wanted.objective or "",
            operator=wanted.operator,
            latest=bool(query.get("latest")),
            sort=wanted.sort,
            order=DOWN if wanted.descending else UP,
            on=list(wanted.only),
            words=wanted.search,
        )


class AskedByAddress(Asked):
    """Takes no words, whatever somebody wrote into an address; `view` is the number of a saved view."""

    words: Annotated[str, BeforeValidator(lambda _: "")] = ""
    view: int | None = None


class AskedToSave(Asked):
    """With the name of the view to be, and whether others see it."""

    name: Annotated[str, Field(max_length=500)] = ""
    shared: bool = False


_CHOICES: Final[dict[str, Mapping[str, tuple[Any, ...]]]] = {
    "tier": TIERS,
    "decision": DECISIONS,
    "state": STATES,
}


def _choice(choices: Mapping[str, tuple[Any, ...]], wanted: tuple[Any, ...]) -> Any:
    return next((name for name, values in choices.items() if set(values) == set(wanted)), ALL)
