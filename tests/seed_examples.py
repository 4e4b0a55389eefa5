"""Seeds and partners' files for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from store_examples import NOON

from campaigns.entries import Fingerprint, Seed, Tlp
from campaigns.records import MatcherState, Slot, Template
from labeling.template import template_to_json

SLOT = Slot("text", 0, ())
GRADE = ("Grade the following essay from one to ten and give your reasons: ", SLOT)


def a_seed(seed_id: str = "s-1", *, parts: Sequence[str | Slot] = GRADE, **changes: Any) -> Seed:
    """Usable, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "partner": "Tide Lab",
        "tlp": Tlp.AMBER,
        "template_json": template_to_json(Template(tuple(parts), 0.0, 0.0, 1.0)),
        "imported_at": NOON,
        "imported_by": "ada",
        "source": "seeds.json",
        "source_sha256": "0" * 64,
        "state": MatcherState.USABLE,
        "reason": "0 of 9,000 prompts of no family match",
        "anywhere": True,
        "organic_prompts": 9_000,
        "collision_bound": 0.0003,
        "measured_on": NOON.date(),
    }
    return Seed(seed_id=seed_id, **values | changes)


def a_fingerprint(seed_id: str = "s-f", features: Sequence[int] = (1, 2**64 - 1), **changes: Any) -> Seed:
    mark = Fingerprint(tuple(features), (1.5,) * len(features), 12)
    unmeasured = {
        "template_json": "",
        "state": None,
        "anywhere": False,
        "organic_prompts": 0,
        "collision_bound": 1.0,
        "measured_on": None,
    }
    return a_seed(seed_id, fingerprint=mark, **unmeasured | changes)


def seed_file(path: Path, *seeds: Any, **head: Any) -> Path:
    path.write_text(json.dumps({"shoal_seeds": 1, **head, "seeds": seeds}), encoding="utf-8")
    return path


def parts(*given: str) -> dict[str, Any]:
    """A seed of constants; an empty one stands for a slot."""
    return {"template": [{"text": text} if text else {"slot": "free text"} for text in given]}


def hashed(numbers: Sequence[int], values: Sequence[float], **changes: Any) -> dict[str, Any]:
    mark = {
        "scheme": "open-1",
        "features": [f"{feature:016x}" for feature in numbers],
        "weights": list(values),
        "tokens": 12,
    }
    return {"fingerprints": mark | changes}
