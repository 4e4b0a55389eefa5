"""The grouping and clustering stages: from distinct texts to verified families.

`group` is lexical and cheap. `cluster` looks at vectors of what is left open: HDBSCAN proposes, and a proposal
becomes a family only if its texts share a core as strong as any other family's. Vectors widen the search; they
never decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from campaigns import files
from campaigns.records import FAMILY_CORES, FAMILY_MEMBERS, GROUPS, OPEN_TEXTS
from campaigns.runs import Counts, Run
from campaigns.settings import FamilySettings, Settings
from clustering.background import background_of, usual_of, with_usual
from clustering.canaries import Planted, recovered, taken_out
from clustering.cores import find_cores
from clustering.density import cluster as density_clusters
from clustering.dialects import with_dialects
from clustering.families import settle, stand_alone
from clustering.groups import FeatureSets
from clustering.lexical import Readings, lexical_groups
from clustering.senders import Pairs

CORE_MEMBER = 0.75
"""A member that carries this part of its family's core is a core member, below it is border."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """The run's distinct texts as arrays; row i is the i-th text key in ascending order."""

    keys: pl.Series
    readings: Readings
    pairs: Pairs
    languages: NDArray[np.int8]

    @classmethod
    def read(cls, run: Run) -> TextTable:
        """The texts as `group` left them: their readings know what was usual, unless an older version made the run."""
        texts = cls.scaffolded(run)
        if not (run.path / "usual.parquet").exists():
            return texts
        return replace(texts, readings=with_usual(texts.readings, run.table("usual")))

    @classmethod
    def scaffolded(cls, run: Run) -> TextTable:
        """The texts as `group` finds them."""
        names = [field.name for field in fields(Readings)]
        table = run.table("texts", ["text_key", "language", *names])
        keys = pl.Series("text_key", table["text_key"])
        pairs = _read_pairs(run, keys)
        languages = table["language"].to_numpy()
        readings = {name: with_dialects(_sets(table[name]), pairs, languages) for name in names}
        return cls(keys, Readings(**readings), pairs, languages)

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, chosen: NDArray[np.bool_]) -> TextTable:
        """The same rows, those not `chosen` without features and senders."""
        if chosen.all():
            return self
        mine = chosen[self.pairs.texts]
        pairs = Pairs(self.pairs.accounts[mine], self.pairs.texts[mine], self.pairs.prompts[mine])
        readings = {}
        for field in fields(Readings):
            sets = getattr(self.readings, field.name).only(chosen)
            readings[field.name] = with_dialects(sets, pairs, self.languages)
        return replace(self, readings=Readings(**readings), pairs=pairs)

    @property
    def sortable_keys(self) -> NDArray[np.bytes_]:
        return np.frombuffer(b"".join(self.keys.to_list()), "S16")

    def rows_of(self, keys: pa.ChunkedArray) -> NDArray[np.int64]:
        """Row of each key; every key must be among the texts."""
        return _positions(self.keys, pl.Series("text_key", keys))


def group(run: Run, settings: Settings, trailing: Mapping[str, Path]) -> Counts:
    """Lexical groups of the run's texts: `texts.parquet` and the prompts to `groups`, `open_texts` and `usual.parquet`.

    Args:
        trailing: run id and `background.parquet` of each trailing day, in order of days.
    """
    texts = TextTable.scaffolded(run)
    usual = usual_of(texts.readings, [files.read_parquet(path) for path in trailing.values()])
    files.write_parquet(run.path / "usual.parquet", usual)
    readings = with_usual(texts.readings, usual)
    found = lexical_groups(readings, texts.pairs, texts.sortable_keys, settings.family)
    rows = np.flatnonzero(found.labels >= 0)
    labels = found.labels[rows]
    columns = {
        "text_key": texts.keys.gather(rows).to_arrow(),
        "group": labels,
        "strength": found.strengths[rows],
        "is_family": found.accepted[labels],
    }
    files.write_parquet(run.path / "groups.parquet", pl.DataFrame(columns).to_arrow().cast(GROUPS))
    left = np.flatnonzero(~found.taken & (found.ordinary < 1))
    still_open = {"text_key": texts.keys.gather(left).to_arrow(), "ordinary": found.ordinary[left]}
    files.write_parquet(run.path / "open_texts.parquet", pl.DataFrame(still_open).to_arrow().cast(OPEN_TEXTS))
    real = Planted.among(texts.keys, run.planted()).real
    of_traffic = found.labels[(found.labels >= 0) & real]
    return {
        "groups": len(np.unique(of_traffic)),
        "families": len(np.unique(of_traffic[found.accepted[of_traffic]])),
        "grouped_texts": len(of_traffic),
        "trailing_days": len(trailing),
        "trailing_runs": " ".join(trailing),
        "usual_features": usual.num_rows,
    }


def cluster(run: Run, settings: Settings) -> Counts:
    """Families of the run: groups and representatives' vectors to `family_members` and `family_cores.parquet`.

    What is in none goes to `background.parquet`, for the days to come. What became of planted campaigns goes to
    `canaries.parquet`; nothing else holds anything of them.
    """
    texts = TextTable.read(run)
    groups = run.table("groups")
    rows = texts.rows_of(groups["text_key"])
    labels = np.full(len(texts), -1, np.int32)
    strengths = np.zeros(len(texts), np.float32)
    labels[rows] = np.where(groups["is_family"].to_numpy(), groups["group"].to_numpy(), -1)
    strengths[rows] = groups["strength"].to_numpy()

    representatives = run.table("representatives", ["group", "text_key", "n_prompts"])
    vectors = np.load(run.path / "vectors.npy")
    density = density_clusters(vectors, representatives["n_prompts"].to_numpy(), settings)
    proposed = _proposals(texts, groups, rows, representatives, density.labels)
    proposed[labels >= 0] = -1
    wide = texts.readings.wide_pairs
    extra = settle(wide, texts.pairs, proposed, settings.family)
    added = np.where(labels < 0, extra.final, -1).astype(np.int32)
    alone = stand_alone(wide, texts.pairs, added, len(extra.accepted), settings.family)
    new = np.append(alone, False)[added]
    labels = np.where(new, added + int(labels.max(initial=-1)) + 1, labels).astype(np.int32)
    strengths = np.where(new, extra.strengths, strengths)

    labels = _renumbered(_large_enough(labels, texts.pairs, settings))
    planted = Planted.among(texts.keys, run.planted())
    canaries = recovered(planted, labels, texts.pairs)
    files.write_parquet(run.path / "canaries.parquet", canaries)
    labels, texts = taken_out(planted, labels, texts.pairs), texts.only(planted.real)
    labels = _renumbered(_large_enough(labels, texts.pairs, settings))
    _write(run, texts, labels, strengths, settings)
    background = background_of(texts.readings, texts.pairs, labels >= 0)
    files.write_parquet(run.path / "background.parquet", background)
    return {
        "families": int(labels.max(initial=-1)) + 1,
        "families_by_vectors": len(np.unique(labels[new & (labels >= 0)])),
        "texts_in_families": int((labels >= 0).sum()),
        "clusters": density.n_clusters,
        "noise_share": round(float(density.noise_share), 4),
        "largest_share": round(float(density.largest_share), 4),
        "background_features": background.num_rows,
    }


def _proposals(
    texts: TextTable,
    groups: pa.Table,
    group_rows: NDArray[np.int64],
    representatives: pa.Table,
    clusters: NDArray[np.int32],
) -> NDArray[np.int32]:
    """A proposed group per text, int32, -1 for none: a cluster stands for its windows and all texts of its groups."""
    proposed = np.full(len(texts), -1, np.int32)
    of_group = representatives["group"].to_numpy()
    is_window = of_group < 0
    # A text may have two windows, the head first; where the head is noise its tail speaks.
    clustered = is_window & (clusters >= 0)
    rows, first = np.unique(texts.rows_of(representatives["text_key"])[clustered], return_index=True)
    proposed[rows] = clusters[clustered][first]
    group_of_text = groups["group"].to_numpy()
    cluster_of_group = np.full(int(group_of_text.max(initial=-1)) + 1, -1, np.int32)
    cluster_of_group[of_group[~is_window]] = clusters[~is_window]
    proposed[group_rows] = cluster_of_group[group_of_text]
    return proposed


def _large_enough(labels: NDArray[np.int32], pairs: Pairs, settings: Settings) -> NDArray[np.int32]:
    """Families below the minimum of prompts or accounts set to -1."""
    family = labels[pairs.texts]
    inside = family >= 0
    n_families = int(labels.max(initial=-1)) + 1
    n_prompts = np.bincount(family[inside], weights=pairs.prompts[inside], minlength=n_families)
    members = np.unique(np.column_stack([family[inside], pairs.accounts[inside]]), axis=0)
    n_accounts = np.bincount(members[:, 0], minlength=n_families)
    enough = (n_prompts >= settings.family.min_prompts) & (n_accounts >= settings.family.min_accounts)
    return np.where(np.append(enough, False)[labels], labels, -1).astype(np.int32)


def _renumbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels as 0..n-1 in the order they had."""
    used = np.unique(labels[labels >= 0])
    return np.where(labels >= 0, np.searchsorted(used, labels), -1).astype(np.int32)


def _write(
    run: Run, texts: TextTable, labels: NDArray[np.int32], strengths: NDArray[np.float32], settings: Settings
) -> None:
    phrases = texts.readings.wide_pairs.united(texts.readings.edges)
    sets = phrases.united(texts.readings.windows)
    rows = np.flatnonzero(labels >= 0)
    members = {
        "text_key": texts.keys.gather(rows).to_arrow(),
        "family": labels[rows],
        "strength": strengths[rows],
        "is_core": strengths[rows] >= CORE_MEMBER,
    }
    files.write_parquet(
        run.path / "family_members.parquet", pl.DataFrame(members).to_arrow().cast(FAMILY_MEMBERS)
    )
    is_phrase = np.isin(sets.features, phrases.features)
    weights = _lasting_cores(sets, is_phrase, texts.pairs, labels, settings.family).tocoo()
    table = pl.DataFrame(
        {
            "family": weights.row.astype(np.int32),
            "feature": sets.features[weights.col],
            "weight": weights.data,
        }
    )
    files.write_parquet(
        run.path / "family_cores.parquet", table.sort("family", "feature").to_arrow().cast(FAMILY_CORES)
    )


def _lasting_cores(
    sets: FeatureSets,
    is_phrase: NDArray[np.bool_],
    pairs: Pairs,
    labels: NDArray[np.int32],
    settings: FamilySettings,
) -> sparse.csr_matrix:
    """What a family is known again by, weights as CSR (n_families, n_features).

    The pairs and edges of its core; where that is weak, as in a family that was grown, also window words and what
    fewer members carry.

    Args:
        is_phrase: bool (n_features,), the pairs and edges.
    """
    everyone = settings.model_copy(update={"min_prompts": 1, "min_accounts": 1})
    wider = everyone.model_copy(update={"core_presence": settings.grow_presence})
    cores, wide_cores = (find_cores(sets, labels, pairs, chosen) for chosen in (everyone, wider))
    phrases = cores.weights @ sparse.diags(is_phrase.astype(np.float32))
    strong = (np.asarray(phrases.sum(axis=1)).ravel() >= settings.core_strength).astype(np.float32)
    weights = (sparse.diags(strong) @ phrases + sparse.diags(1 - strong) @ wide_cores.weights).tocsr()
    weights.eliminate_zeros()
    return weights


def _read_pairs(run: Run, keys: pl.Series) -> Pairs:
    """Who sent which text, read part by part; accounts are numbered in the order of the parts."""
    rows = pl.DataFrame({"text_key": keys}).with_row_index("text").with_columns(pl.col("text").cast(pl.Int64))
    found = []
    n_accounts = 0
    for part in run.searched_parts():
        sent = pl.DataFrame(files.read_parquet(part, ["account_id", "text_key"]))
        counted = sent.group_by("account_id", "text_key").len("prompts").join(rows, on="text_key")
        counted = counted.with_columns(
            account=pl.col("account_id").rank("dense").cast(pl.Int64) - 1 + n_accounts
        )
        n_accounts += sent["account_id"].n_unique()
        found.append(
            counted.sort("account", "text").select("account", "text", pl.col("prompts").cast(pl.Int64))
        )
    table = pl.concat(found)
    return Pairs(table["account"].to_numpy(), table["text"].to_numpy(), table["prompts"].to_numpy())


def _positions(keys: pl.Series, wanted: pl.Series) -> NDArray[np.int64]:
    index = pl.DataFrame({"key": keys}).with_row_index("row")
    found = pl.DataFrame({"key": wanted}).join(index, on="key", how="left", maintain_order="left")["row"]
    return found.to_numpy().astype(np.int64)


def _sets(column: pa.ChunkedArray) -> FeatureSets:
    lists = column.combine_chunks()
    return FeatureSets.of(lists.offsets.to_numpy().astype(np.int64), lists.values.to_numpy())
