"""The map of a day as one page that needs nothing else: no server, no network, no other file.

The page holds text that hostile people wrote. So its Content-Security-Policy lets exactly one script and one
style run, named by their SHA-256; data stands in a JSON block whose `<` is escaped; the script writes text by
`textContent` only; and what cannot be seen is spelled out before it gets there.

Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from campaigns import files
from campaigns.display import safe_text
from campaigns.records import Tier
from campaigns.runs import Run
from review.spread import apart

MOST_POINTS: Final = 20_000
LIGHT: Final = ("#0072b2", "#d55e00", "#009e73", "#b4559a", "#c98a00", "#3aa0e0")
DARK: Final = ("#56b4e9", "#f0813f", "#2fc79c", "#e29bc7", "#e8a713", "#f0e442")
"""After the palette of M. Okabe and K. Ito (2008), told apart with any kind of colour vision; some hues are
darkened for a white page or lightened for a dark one, so that marks stand out by 3:1."""

SHAPES: Final = ("circle", "square", "triangle", "diamond", "wedge", "hexagon")
"""Six colours in six shapes mark 36 campaigns; then they repeat."""

_TEMPLATE_CHARACTERS: Final = 420
_TITLE_CHARACTERS: Final = 90
_REASONS: Final = 4
_REASON_CHARACTERS: Final = 240
_PLACES: Final = 4
_COLUMNS: Final = [
    "campaign_id",
    "label",
    "tier",
    "objective",
    "score",
    "n_prompts",
    "n_accounts",
    "template",
    "reasons",
]
_LARGEST: Final = 0.028
"""Radius of the largest mark."""
_FOLDER: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the map says about a campaign."""

    campaign_id: str
    title: str
    tier: Tier
    objective: str
    score: float
    n_prompts: int
    n_accounts: int
    template: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A day's points and the campaigns they belong to.

    Attributes:
        x, y: float64 (n,), about 0..1, y upwards, to the same scale; campaigns do not cover each other.
        radius: float64 (n,), to that scale; the area goes with the prompts, within limits.
        n_prompts, n_accounts: int64 (n,).
        campaign: int32 (n,), a position in `marks`, or -1.
        marks: the most suspicious first.
        left_out: points of no campaign that were too many to draw.
    """

    day: date
    run_id: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    radius: NDArray[np.float64]
    n_prompts: NDArray[np.int64]
    n_accounts: NDArray[np.int64]
    campaign: NDArray[np.int32]
    marks: tuple[Mark, ...]
    left_out: int

    def __len__(self) -> int:
        return len(self.x)


def read_picture(run: Run, most: int = MOST_POINTS) -> Picture:
    """Read `map.parquet` and `campaigns.parquet` of a run.

    Every point of a campaign is kept; of the others the largest, up to `most` points in all.
    """
    rows = run.table("campaigns", _COLUMNS).to_pylist()
    rows.sort(key=lambda row: (list(Tier).index(Tier(row["tier"])), -row["score"], row["campaign_id"]))
    table = run.table("map")
    by_rank = pa.array([row["campaign_id"] for row in rows], pa.string())
    campaign = pc.index_in(table["campaign_id"], value_set=by_rank).fill_null(-1).to_numpy()
    n_prompts = table["n_prompts"].to_numpy().astype(np.int64)
    kept = _kept(campaign, n_prompts, most)
    places = _unit_square(np.stack([table["x"].to_numpy()[kept], table["y"].to_numpy()[kept]], axis=1))
    inside = campaign[kept] >= 0
    radius = _radii(n_prompts[kept], inside)
    places[inside] = apart(places[inside], radius[inside])
    return Picture(
        day=run.day,
        run_id=run.run_id,
        x=places[:, 0],
        y=places[:, 1],
        radius=radius,
        n_prompts=n_prompts[kept],
        n_accounts=table["n_accounts"].to_numpy().astype(np.int64)[kept],
        campaign=campaign[kept],
        marks=tuple(_mark(row) for row in rows),
        left_out=table.num_rows - len(kept),
    )


def write_page(picture: Picture, path: Path) -> None:
    files.write_bytes(path, page(picture).encode())


def page(picture: Picture) -> str:
    """The whole page."""
    script, style = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("map.js", "map.css"))
    policy = (
        f"default-src 'none'; script-src '{_csp_hash(script)}'; style-src '{_csp_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template((_FOLDER / "map.html").read_text(encoding="utf-8")).substitute(
        policy=policy,
        day=picture.day.isoformat(),
        style=style,
        script=script,
        data=embedded_json(payload(picture)),
    )


def payload(picture: Picture) -> dict[str, Any]:
    """What the page's script reads: columns of points, and a record for each campaign."""
    return {
        "day": picture.day.isoformat(),
        "run": picture.run_id,
        "leftOut": picture.left_out,
        "palette": {"light": LIGHT, "dark": DARK},
        "shapes": SHAPES,
        "points": {
            "x": picture.x.round(_PLACES).tolist(),
            "y": picture.y.round(_PLACES).tolist(),
            "radius": picture.radius.round(_PLACES).tolist(),
            "prompts": picture.n_prompts.tolist(),
            "accounts": picture.n_accounts.tolist(),
            "campaign": picture.campaign.tolist(),
        },
        "campaigns": [_campaign(mark) for mark in picture.marks],
    }


def embedded_json(value: Any) -> str:
    r"""JSON that can stand in a `<script>` block: `<`, `>` and `&` are `\u` escapes, the rest is ASCII."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def style_of(place: int, palette: Sequence[str] = LIGHT) -> tuple[str, str]:
    """(colour, shape) of the campaign at a position in `Picture.marks`."""
    return palette[place % len(palette)], SHAPES[place // len(palette) % len(SHAPES)]


def _campaign(mark: Mark) -> dict[str, Any]:
    return {
        "id": safe_text(mark.campaign_id),
        "title": safe_text(mark.title, _TITLE_CHARACTERS),
        "tier": mark.tier.value,
        "objective": safe_text(mark.objective),
        "score": round(mark.score, 3),
        "prompts": mark.n_prompts,
        "accounts": mark.n_accounts,
        "template": safe_text(mark.template, _TEMPLATE_CHARACTERS, multiline=True),
        "reasons": [safe_text(reason, _REASON_CHARACTERS) for reason in mark.reasons[:_REASONS]],
    }


def _mark(row: dict[str, Any]) -> Mark:
    return Mark(
        campaign_id=row["campaign_id"],
        title=row["label"],
        tier=Tier(row["tier"]),
        objective=row["objective"],
        score=row["score"],
        n_prompts=row["n_prompts"],
        n_accounts=row["n_accounts"],
        template=row["template"],
        reasons=tuple(row["reasons"]),
    )


def _kept(campaign: NDArray[np.int32], n_prompts: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Positions of the points to draw, ascending."""
    inside = np.flatnonzero(campaign >= 0)
    outside = np.flatnonzero(campaign < 0)
    largest = outside[np.argsort(-n_prompts[outside], kind="stable")][: max(0, most - len(inside))]
    return np.sort(np.concatenate([inside, largest]))


def _unit_square(places: NDArray[Any]) -> NDArray[np.float64]:
    """Float64 (n, 2) within 0..1, both axes by one scale, the narrower centred."""
    if not len(places):
        return np.empty((0, 2))
    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max()) or 1.0
    scaled: NDArray[np.float64] = (places.astype(np.float64) - (low + high) / 2) / span + 0.5
    return scaled


def _radii(n_prompts: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    largest = _LARGEST * np.sqrt(n_prompts / max(int(n_prompts.max(initial=1)), 1))
    radii: NDArray[np.float64] = np.where(
        inside, np.clip(largest, 0.007, None), np.clip(largest / 2, 0.002, 0.008)
    )
    return radii


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
