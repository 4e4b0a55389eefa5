"""What the map of a day sends to the browser: points as columns of bytes, campaigns as JSON.

The browser hands the bytes to the graphics card as they are, so a hundred thousand points cost it no parsing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from campaigns.display import safe_text
from campaigns.entries import CampaignSummary, Decision
from review.map import DARK, LIGHT, SHAPES, Mark, Picture

MAGIC: Final = b"SMAP"
HEADER: Final = struct.Struct("<4s3I")
"""`MAGIC`, the number of points, how many of them are open (of no campaign), how many open ones were left out."""

COLUMNS: Final = (
    ("x", "<f4"),
    ("y", "<f4"),
    ("radius", "<f4"),
    ("campaign", "<i4"),
    ("prompts", "<u4"),
    ("accounts", "<u4"),
)
"""After the header, one after the other, one value per point."""

MOST_POINTS: Final = 100_000
"""`most` of `read_picture` for this page."""

_TITLE_CHARACTERS: Final = 90
_HEAD_CHARACTERS: Final = 160


def points(picture: Picture) -> bytes:
    """A header and six little-endian columns; see `HEADER`, `COLUMNS` and `Picture` for what they hold.

    Points come in the order in which they are drawn: open ones first, then those of campaigns, each the largest first,
    so that a small mark is never hidden by a large one. Counts beyond 32 bits are sent as the largest that fits.
    """
    inside = picture.campaign >= 0
    order = np.lexsort((-picture.n_prompts, inside))
    header = HEADER.pack(MAGIC, len(picture), len(picture) - np.count_nonzero(inside), picture.left_out)
    most = np.iinfo(np.uint32).max
    values: dict[str, NDArray[Any]] = {
        "x": picture.x,
        "y": picture.y,
        "radius": picture.radius,
        "campaign": picture.campaign,
        "prompts": picture.n_prompts.clip(max=most),
        "accounts": picture.n_accounts.clip(max=most),
    }
    return header + b"".join(values[name][order].astype(kind).tobytes() for name, kind in COLUMNS)


def campaigns(
    picture: Picture, known: Mapping[str, CampaignSummary], standing: Mapping[str, Decision]
) -> dict[str, Any]:
    """The day, how marks look, and its campaigns in the order of `Picture.marks`; a point names one by position.

    Args:
        known: since when each campaign is known, by id, as `Store.campaigns` says. One that was taken out of the
            store meanwhile has no days and no age.
        standing: the decision about each that has one, by id, as `Store.standing` says.
    """
    return {
        "day": picture.day.isoformat(),
        "palette": {"light": LIGHT, "dark": DARK},
        "shapes": SHAPES,
        "campaigns": [
            _campaign(mark, picture, known.get(mark.campaign_id), standing.get(mark.campaign_id))
            for mark in picture.marks
        ],
    }


def _campaign(
    mark: Mark, picture: Picture, known: CampaignSummary | None, decision: Decision | None
) -> dict[str, Any]:
    return {
        "id": mark.campaign_id,
        "title": safe_text(mark.title, _TITLE_CHARACTERS),
        "tier": mark.tier.value,
        "objective": safe_text(mark.objective),
        "score": round(mark.score, 3),
        "prompts": mark.n_prompts,
        "accounts": mark.n_accounts,
        "head": safe_text(mark.template, _HEAD_CHARACTERS),
        "firstDay": known and known.first_day.isoformat(),
        "lastDay": known and known.last_day.isoformat(),
        "ageDays": known and (picture.day - known.first_day).days,
        "verdict": decision and decision.verdict,
    }
