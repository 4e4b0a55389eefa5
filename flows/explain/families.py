"""The prompt beside the families of its day: what it carries of their cores, and whether their templates match it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from campaigns.records import Slot
from campaigns.settings import ScaffoldSettings
from campaigns.tokens import Tokens, tokenize
from embeddings.evidence import FeatureKind, feature_places
from flows.explain.day import Day
from flows.explain.records import FamilyView, Feature, Matched, SlotValue
from flows.explain.sharing import Sharing, carriers
from labeling.matcher import compile_template
from labeling.template import template_from_json

CARRIED, LACKED = 10, 5
"""Most features of a core that are shown, of those the prompt carries and of those it lacks."""
PHRASES = ("wide_pairs", "edges")
"""The readings whose features mean something by themselves; of single words every prompt has many."""
NEAR = 0.1
"""Part of a family's core from which the family is worth a mention."""
_FAMILIES = 3

Words = dict[int, tuple[str, str]]
"""Feature to its kind and its words."""


@dataclass(frozen=True, slots=True)
class Core:
    """A family's core beside the prompt. Features come with their weights, the heaviest first.

    `witnesses` are rows of members, the strongest that spell what the prompt lacks.
    """

    family: int
    part: float
    n_features: int
    carried: list[tuple[int, float]]
    lacked: list[tuple[int, float]]
    witnesses: list[int]

    @property
    def features(self) -> list[int]:
        return [feature for feature, _ in (*self.carried, *self.lacked)]


def cores_beside(day: Day, sharing: Sharing, own: int) -> list[Core]:
    """The core of the prompt's own family, if any, then of up to three others that it carries something of."""
    cores = day.cores.with_columns(
        carried=pl.Series(sharing.has(day.cores["feature"].to_numpy()), dtype=pl.Boolean)
    )
    parts = cores.group_by("family").agg(
        (pl.col("weight").filter("carried").sum() / pl.col("weight").sum()).alias("part")
    )
    near = (
        parts.filter((pl.col("part") >= NEAR) & (pl.col("family") != own))
        .sort("part", "family", descending=[True, False])
        .head(_FAMILIES)
    )
    wanted = [*([own] if own >= 0 else []), *near["family"].to_list()]
    share = dict(parts.iter_rows())
    return [_core(day, cores.filter(pl.col("family") == one), one, share.get(one, 0.0)) for one in wanted]


def _core(day: Day, core: pl.DataFrame, family: int, part: float) -> Core:
    core = core.sort("weight", "feature", descending=[True, False])
    carried = core.filter("carried").select("feature", "weight").head(CARRIED).rows()
    lacked = core.filter(~pl.col("carried")).select("feature", "weight").head(LACKED).rows()
    members = day.families == family
    found = [carriers(day.texts, feature, members) for feature, _ in lacked]
    witnesses = [int(rows[np.argmax(day.strengths[rows])]) for rows in found if len(rows)]
    return Core(family, float(part), core.height, carried, lacked, witnesses)


def core_weights(day: Day, family: int) -> dict[int, float]:
    """The features that a family is known again by, and their weights in nats."""
    return dict(day.cores.filter(pl.col("family") == family).select("feature", "weight").iter_rows())


def spell(texts: list[str], tokens: Tokens, wanted: Iterable[int], settings: ScaffoldSettings) -> Words:
    """The kind and the words of each wanted feature, from the first of `texts` that has it.

    Args:
        tokens: of `texts`.
    """
    places = feature_places(tokens, settings).of(np.array(sorted(set(wanted)), np.uint64)).once()
    kinds = [FeatureKind(kind).words for kind in places.kinds.tolist()]
    return dict(
        zip(
            places.features.tolist(),
            zip(kinds, places.spelled(texts, tokens), strict=True),
            strict=True,
        )
    )


def family_view(day: Day, row: int, core: Core, words: Words, accounts: dict[int, int]) -> FamilyView:
    """`core` in words. Features that no text at hand spells are left out.

    Args:
        row: of the prompt's text.
    """
    published = day.campaigns[core.family]
    is_member = int(day.families[row]) == core.family
    marked = [(*one, True) for one in core.carried] + [(*one, False) for one in core.lacked]
    return FamilyView(
        campaign_id=published["campaign_id"],
        title=published["label"],
        tier=published["tier"],
        n_prompts=published["n_prompts"],
        n_accounts=published["n_accounts"],
        carried=core.part,
        strength=float(day.strengths[row]) if is_member else None,
        is_core=bool(day.is_core[row]) if is_member else None,
        n_core=core.n_features,
        core=tuple(
            Feature(*words[feature], accounts.get(feature, 0), weight, carried)
            for feature, weight, carried in marked
            if feature in words
        ),
    )


def templates_beside(day: Day, prompt: str, own: int) -> list[Matched]:
    """The template of the prompt's own family, and every other that matches it, in order of family."""
    labels = day.run.table("labels", ["family", "template", "template_json"]).to_pylist()
    columns = ["family", "state", "reason", "anywhere"]
    states = {row["family"]: row for row in day.run.table("matchers", columns).to_pylist()}
    tokens = tokenize(pa.array([prompt], pa.large_string()))
    found = []
    for label in labels:
        template = template_from_json(label["template_json"])
        matcher = compile_template(template)
        state = states[label["family"]]
        accepts = bool(matcher.match_tokens(tokens)[0])
        inside = accepts or bool(state["anywhere"] and matcher.anywhere().match_tokens(tokens)[0])
        if not (inside or label["family"] == own):
            continue
        values = matcher.slot_values([prompt])[0] if accepts else None
        kinds = [part.kind for part in template.parts if isinstance(part, Slot)]
        found.append(
            Matched(
                campaign_id=day.campaigns[label["family"]]["campaign_id"],
                template=label["template"],
                state=state["state"],
                reason=state["reason"],
                accepts=accepts,
                inside=inside,
                slots=tuple(SlotValue(*one) for one in zip(kinds, values or (), strict=False)),
            )
        )
    return found


def nearest_members(day: Day, sharing: Sharing, row: int, count: int) -> NDArray[np.int64]:
    """Rows of the other texts of the family that share most with the text."""
    members = day.families == day.families[row]
    members[row] = False
    return sharing.nearest(members, count)


def exemplars(day: Day, row: int) -> list[int]:
    """Rows of the examples of the text's family: the medoid comes first."""
    labels = pl.DataFrame(day.run.table("labels", ["family", "exemplars"]))
    keys = labels.filter(pl.col("family") == int(day.families[row]))["exemplars"].explode()
    return [
        int(row) for row in day.texts.rows_of(pa.chunked_array([pa.array(keys.to_list(), pa.binary(16))]))
    ]
