"""Reasons that fit many decisions, so that a reason takes one key. The words are those that the audit log keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from campaigns.entries import Verdict

PRESETS: Final[dict[Verdict, tuple[str, ...]]] = {
    Verdict.CONFIRMED: (
        "One template, filled and sent through many accounts that act as one.",
        "It continues a campaign that was confirmed before.",
        "The same operator runs campaigns that are confirmed.",
    ),
    Verdict.DISMISSED: (
        "A known product or integration sends this template for its customers.",
        "A class, a course or an event: many people with one text.",
        "People pass this prompt on to each other.",
        "One customer's own automation, within the terms of use.",
        "A test or an evaluation that we know of.",
        "Not one template: different texts that came together by mistake.",
    ),
    Verdict.WATCH: (
        "Too few accounts or days to tell; see whether it grows.",
        "The evidence is mixed; wait for another day.",
        "An innocent explanation is likely; ask first.",
        "It may continue a known campaign; not sure yet.",
    ),
}
MOST: Final = 9
"""As many as there are digit keys."""


def presets(verdict: Verdict, own: Sequence[str] = ()) -> list[str]:
    """At most `MOST`; those that the campaign gives itself come first, for they are surely true of it."""
    return [*own, *PRESETS[verdict]][:MOST]
