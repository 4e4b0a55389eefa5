"""The files of a run that an explanation reads, as arrays over its distinct texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from campaigns.errors import UsageError
from campaigns.runs import Run
from campaigns.settings import EmbeddingSettings, FamilySettings, ScaffoldSettings, Section, Settings
from clustering.canaries import Planted
from clustering.lexical import Readings
from clustering.stage import TextTable

Row = dict[str, Any]
_Section = TypeVar("_Section", bound=Section)


@dataclass(frozen=True, slots=True)
class Day:
    """One run. Arrays have one entry per row of `texts`.

    Attributes:
        texts: what was planted has neither features nor senders here.
        real: bool, whether the traffic sent it; the others were planted.
        scaffold, family, embedding: the settings that the run was made with.
        families: int32, -1 for none.
        strengths: float32, of the member in its family; 0 for none.
        is_core: bool.
        groups: int32, the lexical group, -1 for none.
        in_family_group: bool, whether that group was a family.
        campaigns: what is published of each family: campaign_id, label, tier, n_prompts, n_accounts.
        cores: columns family, feature, weight.
    """

    run: Run
    texts: TextTable
    real: NDArray[np.bool_]
    scaffold: ScaffoldSettings
    family: FamilySettings
    embedding: EmbeddingSettings
    families: NDArray[np.int32]
    strengths: NDArray[np.float32]
    is_core: NDArray[np.bool_]
    groups: NDArray[np.int32]
    in_family_group: NDArray[np.bool_]
    campaigns: dict[int, Row]
    cores: pl.DataFrame

    @classmethod
    def read(cls, run: Run, settings: Settings) -> Day:
        """
        Args:
            settings: used where the run's manifest does not say which it was made with.

        Raises:
            UsageError: another version of Shoal made the run, and this one cannot read it.
        """
        _check(run)
        texts = TextTable.read(run)
        real = Planted.among(texts.keys, run.planted()).real
        texts = texts.only(real)
        members, groups = run.table("family_members"), run.table("groups")
        at, grouped = texts.rows_of(members["text_key"]), texts.rows_of(groups["text_key"])
        n = len(texts)
        made_with = run.manifest().get("settings", {})
        return cls(
            run=run,
            texts=texts,
            real=real,
            scaffold=_section(ScaffoldSettings, made_with.get("scaffold"), settings.scaffold),
            family=_section(FamilySettings, made_with.get("family"), settings.family),
            embedding=_section(EmbeddingSettings, made_with.get("embedding"), settings.embedding),
            families=_filled(n, -1, np.int32, at, members["family"].to_numpy()),
            strengths=_filled(n, 0, np.float32, at, members["strength"].to_numpy()),
            is_core=_filled(n, 0, np.bool_, at, members["is_core"].to_numpy()),
            groups=_filled(n, -1, np.int32, grouped, groups["group"].to_numpy()),
            in_family_group=_filled(n, 0, np.bool_, grouped, groups["is_family"].to_numpy()),
            campaigns=_campaigns(run),
            cores=pl.DataFrame(run.table("family_cores")),
        )

    @property
    def minimum_accounts(self) -> int:
        """Accounts that had to share a feature on this day."""
        counts = {record.name: record.counts for record in self.run.records()}
        return int(counts["scaffold"]["minimum_accounts"])

    def campaign_of(self, row: int) -> str | None:
        found = self.campaigns.get(int(self.families[row]))
        return None if found is None else str(found["campaign_id"])

    def keys_of(self, rows: Iterable[int]) -> list[bytes]:
        keys: list[bytes] = self.texts.keys.gather(list(rows)).to_list()
        return keys

    def features(self, reading: str, row: int) -> NDArray[np.uint64]:
        """What a text keeps under one reading, ascending."""
        sets = getattr(self.texts.readings, reading)
        found: NDArray[np.uint64] = sets.features[sets.columns[sets.indptr[row] : sets.indptr[row + 1]]]
        return found

    def facts(self, row: int) -> Row:
        """n_prompts, n_accounts, n_tokens and evasion_marks of a text."""
        columns = ["n_prompts", "n_accounts", "n_tokens", "evasion_marks"]
        (found,) = self.run.table("texts", columns).slice(row, 1).to_pylist()
        return dict(found)


def _check(run: Run) -> None:
    columns = pq.read_schema(run.path / "texts.parquet").names
    wanted = ["language", *(field.name for field in fields(Readings))]
    missing = [name for name in wanted if name not in columns]
    if not (run.path / "matchers.parquet").exists():
        missing.append("matchers.parquet")
    if missing:
        raise UsageError(
            f"another version of Shoal made this run: it has no {', '.join(missing)}",
            where=run.run_id,
            hint=f"Do the day again: shoal run --day {run.day} --force --input PATH",
        )


def _section(kind: type[_Section], made_with: Row | None, fallback: _Section) -> _Section:
    """The section as the manifest has it; keys that this version does not know are passed over."""
    if made_with is None:
        return fallback
    return kind(**{key: value for key, value in made_with.items() if key in kind.model_fields})


def _filled(
    n: int, empty: int, kind: type[Any], rows: NDArray[np.int64], values: NDArray[Any]
) -> NDArray[Any]:
    filled = np.full(n, empty, kind)
    filled[rows] = values
    return filled


def _campaigns(run: Run) -> dict[int, Row]:
    known = {
        row["campaign_id"]: row
        for row in run.table(
            "campaigns", ["campaign_id", "label", "tier", "n_prompts", "n_accounts"]
        ).to_pylist()
    }
    names = run.table("identities", ["family", "campaign_id"]).to_pylist()
    return {row["family"]: known[row["campaign_id"]] for row in names}
