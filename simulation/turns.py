"""Lives of campaigns: what changes at each turn.

A life is a row of a table, not a branch in the code: at a turn it pauses, replaces the accounts, replaces the wording,
or parts the pool. The days of the turns are given by the plan (`CampaignPlan.turns`), or belong to the life.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Life = Literal[
    "steady", "starts_day2", "stops_after_day1", "replaced_day3", "hands_over", "in_turns", "drifts", "pauses",
    "renews", "splits", "merges", "rewrites", "vanishes_anew",
]  # fmt: skip
"""`replaced_day3`: from the third day on, new accounts do the work. `hands_over`: every night a third of the
accounts ends, and new ones go on in their place the next day. `in_turns`: every account rests each third day.
`drifts`: the template's wording moves each day. The others change at the turns that the plan gives. `pauses`: silent
from a turn to the next. `renews`: all accounts are replaced. `rewrites`: another wording of the task takes the place of
the last. `vanishes_anew`: both at once, a campaign that nothing ties to the one before. `splits`: the pool sends two
wordings; from the turn on half of it sends the one, half the other. `merges`: the reverse."""

Change = Literal["silence", "accounts", "wording", "halves"]


@dataclass(frozen=True, slots=True)
class Course:
    """What a life changes at its turns, from its first state to the other and on.

    Attributes:
        days: indices of the turns; none for a life whose turns the plan gives.
        most: turns it can take.
        late: it begins in the other state: silent, or in halves.
        anew: after a turn it counts as another campaign.
    """

    changes: frozenset[Change] = frozenset()
    days: tuple[int, ...] = ()
    most: int = 0
    late: bool = False
    anew: bool = False


_ANY = 1_000
_SILENCE, _ACCOUNTS, _WORDING, _HALVES = (
    frozenset[Change]({one}) for one in ("silence", "accounts", "wording", "halves")
)

COURSES: Mapping[Life, Course] = {
    "steady": Course(),
    "starts_day2": Course(_SILENCE, days=(1,), late=True),
    "stops_after_day1": Course(_SILENCE, days=(1,)),
    "replaced_day3": Course(_ACCOUNTS, days=(2,)),
    "hands_over": Course(),
    "in_turns": Course(),
    "drifts": Course(),
    "pauses": Course(_SILENCE, most=_ANY),
    "renews": Course(_ACCOUNTS, most=_ANY),
    "rewrites": Course(_WORDING, most=_ANY),
    "vanishes_anew": Course(_ACCOUNTS | _WORDING, most=_ANY, anew=True),
    "splits": Course(_HALVES, most=1),
    "merges": Course(_HALVES, most=1, late=True),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Those of a pool that send the same on a day: every `of`-th seat from `number` on. `mark` follows the name of the
    campaign that this part counts as."""

    mark: str = ""
    number: int = 0
    of: int = 1

    def share(self, prompts: int) -> int:
        """Its part of so many prompts; the parts add up."""
        return prompts * (self.number + 1) // self.of - prompts * self.number // self.of


WHOLE = Part()
HALVES = (Part("+a", 0, 2), Part("+b", 1, 2))


@dataclass(frozen=True, slots=True)
class Turns:
    """A life with the days of its turns, ascending."""

    course: Course
    days: tuple[int, ...]

    def taken(self, day_index: int) -> int:
        """How many turns there were up to a day, counted from 0."""
        return bisect_right(self.days, day_index)

    def turns_on(self, day_index: int) -> bool:
        return day_index in self.days

    def silent(self, day_index: int) -> bool:
        return self._other("silence", day_index)

    def renewals(self, day_index: int) -> int:
        """How often all accounts were replaced."""
        return self._count("accounts", day_index)

    def rewritings(self, day_index: int) -> int:
        """How often another wording took the place of the last."""
        return self._count("wording", day_index)

    def parts(self, day_index: int) -> tuple[Part, ...]:
        """The pool as a whole, or its halves."""
        if self._other("halves", day_index):
            return HALVES
        taken = self.taken(day_index) if self.course.anew else 0
        return (Part(f"+{taken}"),) if taken else (WHOLE,)

    def _count(self, change: Change, day_index: int) -> int:
        return self.taken(day_index) if change in self.course.changes else 0

    def _other(self, change: Change, day_index: int) -> bool:
        changed = self.taken(day_index) % 2 == 1
        return change in self.course.changes and changed != self.course.late
