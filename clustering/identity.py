"""Identity: today's families to known campaigns, by the scaffold they share.

Ids are given from the largest overlap of the whole day downwards, so that no family takes an id that fits another
one better. (An assignment that maximises the sum of overlaps would: two middling pairs can outweigh one good one.)
A family that overlaps no known campaign enough gets a new id, made from the day and its own core: the same family
of the same day always gets the same id, and no id can come back for another campaign.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from campaigns import files
from campaigns.records import IDENTITIES
from campaigns.runs import Counts, Run
from campaigns.settings import Settings

_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class Core:
    """features: uint64 ascending; weights: float32, positive, of equal length."""

    features: NDArray[np.uint64]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Identity:
    """`event` is `kept` (with the overlap that decided) or `minted` (with the best overlap there was)."""

    campaign_id: str
    event: str
    overlap: float


def identify_families(run: Run, known: Sequence[tuple[str, Core]], settings: Settings) -> Counts:
    """Read `family_cores` and `wordings`, write `identities.parquet`; `known` are campaigns of earlier days.

    Wordings of one campaign have one id; what it is known again by are the cores of all of them.
    """
    wordings = pl.DataFrame(run.table("wordings", ["family", "lead"]))
    cores = campaign_cores(run, wordings)
    leads = sorted(cores)
    found = identify([cores[lead] for lead in leads], known, run.day, settings.identity.keep_overlap)
    identity_of = dict(zip(leads, found, strict=True))
    sizes = pl.DataFrame(run.table("family_members", ["family"])).group_by("family").len("texts")
    ordered = (
        wordings.join(sizes, on="family")
        .sort(pl.col("lead"), pl.col("family") != pl.col("lead"), -pl.col("texts").cast(pl.Int64), "family")
        .with_columns(variant=pl.int_range(pl.len()).over("lead"))
        .sort("family")
    )
    rows = [(family, identity_of[lead], variant) for family, lead, _, variant in ordered.iter_rows()]
    table = pa.table(
        {
            "family": [family for family, _, _ in rows],
            "campaign_id": [identity.campaign_id for _, identity, _ in rows],
            "variant": [variant for _, _, variant in rows],
            "event": [identity.event for _, identity, _ in rows],
            "overlap": [identity.overlap for _, identity, _ in rows],
        },
        schema=IDENTITIES,
    )
    files.write_parquet(run.path / "identities.parquet", table)
    kept = sum(identity.event == "kept" for identity in found)
    return {"kept": kept, "minted": len(found) - kept}


def campaign_cores(run: Run, wordings: pl.DataFrame) -> dict[int, Core]:
    """The core of each campaign by its lead family: of all its wordings, the heavier weight of a shared feature.

    Args:
        wordings: columns family, lead.
    """
    united = (
        pl.DataFrame(run.table("family_cores"))
        .join(wordings, on="family")
        .group_by("lead", "feature")
        .agg(pl.max("weight"))
        .sort("lead", "feature")
    )
    tables = united.partition_by("lead", as_dict=True)
    none = united.clear()
    return {
        lead: Core(core["feature"].to_numpy(), core["weight"].to_numpy())
        for lead in wordings["lead"].unique().sort().to_list()
        for core in [tables.get((lead,), none)]
    }


def identify(
    families: Sequence[Core], known: Sequence[tuple[str, Core]], day: date, keep_overlap: float
) -> list[Identity]:
    """An identity for each family, in order; no two get the same id.

    Families and campaigns stand in the order of their content, so that ties do not depend on the call.
    """
    known = sorted(known, key=lambda item: item[0])
    new_ids = [mint(day, family) for family in families]
    order = np.argsort(np.array(new_ids)) if new_ids else np.empty(0, np.int64)
    overlaps = overlap_matrix([families[i] for i in order], [core for _, core in known])
    kept = _assignment(np.where(overlaps >= keep_overlap, overlaps, 0.0))
    result: list[Identity | None] = [None] * len(families)
    for row, i in enumerate(order):
        if kept[row] >= 0:
            identity = Identity(known[kept[row]][0], "kept", round(float(overlaps[row, kept[row]]), 6))
        else:
            identity = Identity(new_ids[i], "minted", round(float(overlaps[row].max(initial=0.0)), 6))
        result[i] = identity
    return [identity for identity in result if identity is not None]


def mint(day: date, core: Core) -> str:
    """An id such as `c-7k2m...`: 80 bits of BLAKE2b over the day and the core's features, in base 32."""
    digest = hashlib.blake2b(day.isoformat().encode(), digest_size=_ID_BYTES)
    digest.update(np.ascontiguousarray(core.features, "<u8").tobytes())
    return "c-" + base64.b32encode(digest.digest()).decode().lower()


def overlap_matrix(left: Sequence[Core], right: Sequence[Core]) -> NDArray[np.float64]:
    """Weighted Jaccard (Ruzicka) similarity, sum of minima over sum of maxima, float64 (n_left, n_right)."""
    if not left or not right:
        return np.zeros((len(left), len(right)))
    names = np.concatenate([core.features for core in right])
    weights = np.concatenate([core.weights for core in right]).astype(np.float64)
    owners = np.repeat(np.arange(len(right)), [len(core.features) for core in right])
    order = np.argsort(names, kind="stable")
    shared = np.zeros((len(left), len(right)))
    for row, core in zip(shared, left, strict=True):
        _add_minima(row, core.features, core.weights, names[order], weights[order], owners[order])
    sums = [[float(core.weights.sum(dtype=np.float64)) for core in side] for side in (left, right)]
    union = np.add.outer(*sums) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


@njit(cache=True, nogil=True)
def _add_minima(row, features, weights, names, other_weights, owners):  # type: ignore[no-untyped-def]
    """Add the smaller of the two weights to `row[owner]` for each feature that `features` and `names` share."""
    for i in range(len(features)):
        at = np.searchsorted(names, features[i])
        while at < len(names) and names[at] == features[i]:
            row[owners[at]] += min(np.float64(weights[i]), other_weights[at])
            at += 1


def _assignment(overlaps: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column given to each row, -1 for none: pairs by falling overlap, ties by row, then column."""
    given = np.full(len(overlaps), -1, np.int64)
    rows, columns = np.nonzero(overlaps)
    free = np.ones(overlaps.shape[1], np.bool_)
    for i in np.lexsort((columns, rows, -overlaps[rows, columns])):
        if given[rows[i]] < 0 and free[columns[i]]:
            given[rows[i]] = columns[i]
            free[columns[i]] = False
    return given
