"""When in a day an account sends its prompts, and how a group's volume is dealt to its accounts."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from simulation.draws import Draws

DAY_MICROSECONDS = 86_400_000_000
_HOUR = DAY_MICROSECONDS // 24

# Weight of each hour, local time unless the clock is in _UTC.
_HOURS: dict[str, tuple[float, ...]] = {
    "round": (1.0,) * 24,
    "daily": (1.2, 0.7, 0.4, 0.2, 0.2, 0.3, 0.8, 1.8, 3, 4.5, 5.2, 5, 4, 4.6, 5.1, 5, 4.4, 3.8, 3.6, 4, 4.3,
    4.1, 3.2, 2.1), "office": (0, 0, 0, 0, 0, 0, 0, 0.3, 2, 5, 6, 6, 3, 5, 6, 6, 4, 1.5, 0.3, 0, 0, 0, 0, 0),
    "campus": (0, 0, 0, 0, 0, 0, 0, 0.5, 2, 4, 4, 4, 3, 4, 4, 4, 3, 2, 1.5, 2, 2, 1.5, 0.5, 0),
    "night": (5, 4, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5, 6, 6, 6, 6),
    "launch": (0,) * 16 + (3, 6, 4, 1) + (0,) * 4,
}  # fmt: skip
_UTC = frozenset({"launch"})
_CUMULATED = {name: tuple(accumulate(weights)) for name, weights in _HOURS.items()}
_NIGHTLY_START = 2 * _HOUR
_NIGHTLY_GAP = 20_000_000

CLOCKS = (*_HOURS, "nightly")


def times(clock: str, count: int, utc_offset: int, draws: Draws) -> list[int]:
    """`count` times in microseconds since midnight UTC, ascending.

    `nightly` starts at 02:00 UTC and goes on in even gaps; the other clocks draw hours from their profile.
    """
    if clock == "nightly":
        gap = min(_NIGHTLY_GAP, (DAY_MICROSECONDS - _NIGHTLY_START) // (count + 1))
        start = _NIGHTLY_START + draws.below(gap)
        return [start + index * gap for index in range(count)]
    cumulated = _CUMULATED[clock]
    shift = 0 if clock in _UTC else utc_offset
    found = []
    for _ in range(count):
        hour = bisect(cumulated, draws.uniform() * cumulated[-1])
        found.append((hour - shift) % 24 * _HOUR + int(draws.uniform() * _HOUR))
    return sorted(found)


def shares(total: int, accounts: int, volumes: str, draws: Draws) -> NDArray[np.int64]:
    """How many of `total` prompts each account sends; the sum is exact.

    `even` deals them round robin, so that counts differ by at most one; `uneven` gives accounts log-normal shares
    (sigma 0.8), so that hardly any is idle; `heavy` follows a Pareto tail (exponent 1.2).
    """
    if volumes == "even":
        counts = np.full(accounts, total // accounts, dtype=np.int64)
        counts[draws.generator.permutation(accounts)[: total % accounts]] += 1
        return counts
    if volumes == "uneven":
        weights = draws.generator.lognormal(sigma=0.8, size=accounts)
    else:
        weights = 1.0 + draws.generator.pareto(1.2, accounts)
    return draws.generator.multinomial(total, weights / weights.sum()).astype(np.int64)
