"""What a pass over traffic has counted so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class MatchCounts:
    """Rows read = matched + unmatched + quarantined, exactly. A file that is left out counts as one row.

    Where one day was asked for, rows of others are passed over; `other_days` counts them apart from `rows_in`.
    `matches` are pairs of a prompt and a campaign, so at least as many as `matched`.
    """

    rows_in: int = 0
    matched: int = 0
    unmatched: int = 0
    quarantined: int = 0
    matches: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    other_days: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.rows_in + other.rows_in,
            self.matched + other.matched,
            self.unmatched + other.unmatched,
            self.quarantined + other.quarantined,
            self.matches + other.matches,
            dict(sorted((Counter(self.by_reason) + Counter(other.by_reason)).items())),
            self.other_days + other.other_days,
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(**value)
