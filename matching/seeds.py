"""Which campaigns of a run partners told us of: their seeds beside what was found.

Templates are sought in the prompts of the campaigns, and what seeds are made of is compared with the cores of the
wordings: a fingerprint, which has weights of its own, by weighted Jaccard (`clustering.overlap`); the words of a
template, which have none, by the part of the core's weight that they carry. The outcome is a file that analysts
read. No stage reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from campaigns import files
from campaigns.entries import Seed
from campaigns.records import SEEDS, MatcherState, Slot, Template
from campaigns.runs import Counts, Run
from campaigns.settings import ScaffoldSettings, Settings
from campaigns.tokens import tokenize
from clustering.overlap import Core, overlap_matrix
from embeddings.edges import edge_features
from embeddings.scaffold import text_features
from labeling.template import template_from_json
from matching.known import KnownCampaigns
from matching.match import match

HELD: Final = 0.5
"""Part of a wording's prompts that a template must match, or of its core that it must carry, to be told of."""

_COMPARED: Final = (MatcherState.USABLE, MatcherState.UNTESTED)
"""A template that would match strangers, or says next to nothing, is not compared either."""


def tell(run: Run, seeds: Sequence[Seed], settings: Settings) -> Counts:
    """Read identities, families, cores and prompts; write `seeds.parquet`, schema SEEDS.

    Args:
        seeds: those that are not removed.
    """
    ids = pl.DataFrame(run.table("identities", ["family", "campaign_id"])).sort("family")
    names, campaign_of = np.unique(ids["campaign_id"].to_numpy(), return_inverse=True)
    matched, prompts = _matched(run, seeds, ids.height)
    overlap = _overlap(seeds, [Core(*core) for core in run.cores(ids.height)], settings.scaffold)
    least = [HELD if seed.fingerprint is None else settings.identity.keep_overlap for seed in seeds]
    told = (overlap >= np.array(least)[:, None]) | ((matched > 0) & (matched >= HELD * prompts))
    hashed = [seed.fingerprint is not None for seed in seeds]
    rows: list[dict[str, Any]] = []
    for s, c in sorted({(s, int(campaign_of[f])) for s, f in np.argwhere(told).tolist()}):
        own = campaign_of == c
        held, of, nearest = int(matched[s, own].sum()), int(prompts[own].sum()), float(overlap[s, own].max())
        rows.append(
            {
                "campaign_id": str(names[c]),
                "seed_id": seeds[s].seed_id,
                "matched": held,
                "n_prompts": of,
                "overlap": nearest,
                "how": _how(held, of, nearest, hashed=hashed[s]),
            }
        )
    rows.sort(key=lambda row: (row["campaign_id"], row["seed_id"]))
    files.write_parquet(run.path / "seeds.parquet", pa.Table.from_pylist(rows, SEEDS))
    return {"seeds": len(seeds), "campaigns": len({row["campaign_id"] for row in rows})}


def _how(matched: int, n_prompts: int, overlap: float, *, hashed: bool) -> str:
    if hashed:
        return f"fingerprint overlap {overlap:.2f}"
    carried = f"carries {overlap:.0%} of what marks the nearest wording"
    matches = f"template matches {matched:,} of {n_prompts:,} prompts"
    return f"{matches}, {carried}" if matched else f"template {carried}"


def _matched(run: Run, seeds: Sequence[Seed], n_families: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Prompts that match, int64 (n_seeds, n_families), and all prompts of each family, int64 (n_families,).

    Only live templates are sought; of a text the strongest `matching.match.MOST_CAMPAIGNS` count.
    """
    known = KnownCampaigns.of((), [seed.matcher for seed in seeds if seed.matcher is not None])
    places = {seed.seed_id: k for k, seed in enumerate(seeds)}
    owners = np.array([places[owner.campaign_id] for owner in known.owners], np.int64)
    members = pl.DataFrame(run.table("family_members", ["text_key", "family"]))
    matched = np.zeros((len(seeds), n_families), np.int64)
    prompts = np.zeros(n_families, np.int64)
    for part in run.prompt_parts() if seeds else ():
        sent = pl.DataFrame(files.read_parquet(part, ["text_key", "prompt"])).join(members, on="text_key")
        texts = sent.group_by("text_key", "family").agg(pl.len(), pl.first("prompt"))
        family, count = texts["family"].to_numpy(), texts["len"].to_numpy().astype(np.int64)
        np.add.at(prompts, family, count)
        if len(known):
            found = match(texts["prompt"].to_arrow(), known)
            np.add.at(matched, (owners[found.owners], family[found.texts]), count[found.texts])
    return matched, prompts


def _overlap(
    seeds: Sequence[Seed], wordings: Sequence[Core], settings: ScaffoldSettings
) -> NDArray[np.float64]:
    """float64 (n_seeds, n_wordings); zeros for templates that are not compared."""
    overlap = np.zeros((len(seeds), len(wordings)))
    hashed = [k for k, seed in enumerate(seeds) if seed.fingerprint is not None]
    cores = [
        Core(np.array(mark.features, np.uint64), np.array(mark.weights, np.float32))
        for mark in (seeds[k].fingerprint for k in hashed)
        if mark is not None
    ]
    overlap[hashed] = overlap_matrix(cores, wordings)
    said = [k for k, seed in enumerate(seeds) if seed.state in _COMPARED]
    overlap[said] = _carried(
        [features_of(template_from_json(seeds[k].template_json), settings) for k in said], wordings
    )
    return overlap


def _carried(sets: Sequence[NDArray[np.uint64]], wordings: Sequence[Core]) -> NDArray[np.float64]:
    """Part of each core's weight whose features a set holds, float64 (n_sets, n_wordings)."""
    names = np.unique(np.concatenate([np.empty(0, np.uint64), *(core.features for core in wordings)]))
    if not len(names) or not sets:
        return np.zeros((len(sets), len(wordings)))
    kept = [np.intersect1d(one, names) for one in sets]
    held = _matrix(names, [Core(one, np.ones(len(one), np.float32)) for one in kept])
    cores = _matrix(names, wordings)
    total = np.asarray(cores.sum(axis=1)).ravel()
    carried: NDArray[np.float64] = (held @ cores.T).toarray() / np.where(total > 0, total, 1.0)
    return carried


def _matrix(names: NDArray[np.uint64], cores: Sequence[Core]) -> sparse.csr_matrix:
    """float64 CSR (n_cores, n_names) of the weights."""
    features = np.concatenate([np.empty(0, np.uint64), *(core.features for core in cores)])
    weights = np.concatenate([np.empty(0), *(core.weights for core in cores)])
    indptr = np.cumsum([0, *(len(core.features) for core in cores)])
    return sparse.csr_matrix((weights, np.searchsorted(names, features), indptr), (len(cores), len(names)))


def features_of(template: Template, settings: ScaffoldSettings) -> NDArray[np.uint64]:
    """Scaffold features of the constants, uint64 ascending: pairs of each, edges where no slot is outside.

    Nothing pairs words across a slot. The first and the last constant also give what would be edges at their inner
    ends; no prompt ends there, so these meet nothing.
    """
    constants = [part for part in template.parts if isinstance(part, str)]
    outer = [str(part) for part in (template.parts[0], template.parts[-1]) if not isinstance(part, Slot)]
    pairs = text_features(tokenize(constants), settings.pair_distance).values
    edges = edge_features(tokenize(outer), settings.edge_width, settings.edge_depth).values
    found: NDArray[np.uint64] = np.unique(np.concatenate([pairs, edges]))
    return found
