"""What a signal reads out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Group(StrEnum):
    """Signals of one group tell of one fact and count once."""

    CONTENT = "content"
    VOLUME = "volume"
    EVENNESS = "evenness"
    TIMING = "timing"
    REGISTRATION = "registration"
    INFRASTRUCTURE = "infrastructure"
    GRAPH = "graph"
    CLIENT = "client"


COUNTED = (Group.REGISTRATION, Group.INFRASTRUCTURE, Group.TIMING, Group.EVENNESS, Group.GRAPH)
"""Groups that can make a campaign actionable: each has a null model of its own, and an innocent reason is rare."""
NOT_ACTIONABLE, NOT_TESTED = "Not actionable: ", "Not tested: "
"""How the reasons begin that say what is missing."""

QUANTILES = tuple(np.linspace(0, 1, 21).tolist())
"""Of the control distribution that are kept: every twentieth part."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal of one family.

    Attributes:
        value: NaN where it could not be tested; `sentence` says why.
        controls: float64 (21,), `QUANTILES` of what controls show; empty where there are none.
        p_value: NaN for a figure that is only described.
        sentence: in words, with the control beside the value.
    """

    signal: str
    group: Group
    value: float
    controls: NDArray[np.float64]
    p_value: float
    sentence: str

    @classmethod
    def untested(cls, signal: str, group: Group, why: str) -> Reading:
        return cls(signal, group, np.nan, np.empty(0), np.nan, f"{NOT_TESTED}{why}.")


def quantiles(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """`QUANTILES` of some draws, float64 (21,)."""
    found: NDArray[np.float64] = np.quantile(drawn, QUANTILES)
    return found
