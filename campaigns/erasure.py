"""Taking an account out of runs and store. `flows.erase` has the order, and the rest of a home.

What has to go is gathered before anything changes, and written down in `erasing.json` below the home folder: when half
of the runs are done, nobody could tell any more from the rest what the account sent. The file goes when the proof is
made.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns import files
from campaigns.all_tables import METADATA
from campaigns.gone import SENTENCES, Gone, only_theirs, without
from campaigns.records import text_key
from campaigns.rewriting import Staged
from campaigns.runs import Run, attempts, days

JOURNAL: Final = "erasing.json"
BuildIndex = Callable[[NDArray[np.float32], Path], None]
"""Writes the index of vectors, float32 (n, d), as the stage `index` does."""
_LIST_KEYS: Final = ("accounts", "account_ids")


# -- what has to go ------------------------------------------------------------------------------------


def complete_runs(home: Path) -> list[Run]:
    """Every complete attempt at every day, oldest first."""
    return [run for day in days(home) for run in attempts(home, day) if run.complete]


def gather(home: Path, ids: Iterable[str]) -> Gone:
    """All that has to go with the accounts, as far as the runs still know it."""
    gone = Gone(ids=set(ids))
    mine = pa.array(sorted(gone.ids), pa.string())
    sent: dict[bytes, str] = {}
    shared: set[bytes] = set()
    cached: set[bytes] = set()
    still_cached: set[bytes] = set()
    for run in complete_runs(home):
        own, others = _keys(run, mine)
        shared |= own.keys() & others
        for part in run.prompt_parts():
            table = files.read_parquet(part, ["account_id", "prompt_id"])
            gone.prompts |= set(
                table.filter(pc.is_in(table["account_id"], value_set=mine))["prompt_id"].to_pylist()
            )
        sent |= own
        alone = own.keys() - others
        for key, text in _read(run):
            (cached if key in alone else still_cached).add(text_key(text))
    for run in complete_runs(home):  # of another run, which may send it too
        shared |= sent.keys() & _keys(run, mine)[1]
    gone.keys = sent.keys() - shared
    gone.texts = {sent[key] for key in gone.keys if sent[key]}
    gone.cached = cached - still_cached
    return gone


def alone_in(run: Run, gone: Gone) -> Gone:
    """`gone` with the texts that nobody else sent in this run, whoever did in others; it may be one that was written
    down before."""
    own, others = _keys(run, pa.array(sorted(gone.ids), pa.string()))
    alone = own.keys() - others
    return Gone(
        gone.ids,
        gone.prompts,
        gone.keys | alone,
        gone.texts | {own[key] for key in alone if own[key]},
        gone.cached,
    )


def _keys(run: Run, mine: pa.Array) -> tuple[dict[bytes, str], set[bytes]]:
    """Texts of the accounts by their keys, and the keys of all others that share any of them."""
    own: dict[bytes, str] = {}
    for part in run.prompt_parts():
        table = files.read_parquet(part, ["account_id", "text_key", "prompt"])
        theirs = table.filter(pc.is_in(table["account_id"], value_set=mine))
        own |= dict(zip(theirs["text_key"].to_pylist(), theirs["prompt"].to_pylist(), strict=True))
    wanted = pa.array(sorted(own), pa.binary(16))
    others: set[bytes] = set()
    for part in run.prompt_parts() if own else []:
        table = files.read_parquet(part, ["account_id", "text_key"])
        table = table.filter(pc.invert(pc.is_in(table["account_id"], value_set=mine)))
        others |= set(table["text_key"].filter(pc.is_in(table["text_key"], value_set=wanted)).to_pylist())
    return own, others


def _read(run: Run) -> Iterator[tuple[bytes, str]]:
    """What the encoder read of each text."""
    path = run.path / "representatives.parquet"
    if path.exists():
        table = files.read_parquet(path, ["text_key", "text"])
        yield from zip(table["text_key"].to_pylist(), table["text"].to_pylist(), strict=True)


# -- the journal ---------------------------------------------------------------------------------------


def noted(home: Path) -> Gone | None:
    """What an erasure that was cut short had to take out."""
    try:
        return Gone.from_json(json.loads((home / JOURNAL).read_bytes()))
    except FileNotFoundError:
        return None


def note(home: Path, gone: Gone) -> None:
    files.write_json(home / JOURNAL, gone.to_json())


def forget(home: Path) -> None:
    (home / JOURNAL).unlink(missing_ok=True)
    files.fsync_folder(home)


# -- a run ---------------------------------------------------------------------------------------------


def stage_run(run: Run, gone: Gone, build_index: BuildIndex) -> tuple[Staged, Counter[str]]:
    """Stage the files of a run without what has to go; the counts are rows taken out or changed, by table."""
    gone = alone_in(run, gone)
    staged, counts = stage_folder(run.path, gone, _pieces(run, gone))
    if "representatives.parquet" in staged.names and (run.path / "vectors.npy").exists():
        keys = run.table("representatives", ["text_key"])["text_key"]
        theirs = pc.is_in(keys, value_set=pa.array(sorted(gone.keys), keys.type)).to_numpy()
        vectors = staged.array("vectors.npy").copy()
        vectors[theirs] = 0
        counts["vectors"] = int(theirs.sum())
        staged.put_array("vectors.npy", vectors)
        if (run.path / "index.faiss").exists():
            build_index(vectors, staged.room_for("index.faiss"))
    return staged, counts


def stage_folder(
    folder: Path, gone: Gone, pieces: frozenset[str] = frozenset()
) -> tuple[Staged, Counter[str]]:
    """As `stage_run`, of any folder of tables."""
    staged = Staged.begin(folder)
    counts: Counter[str] = Counter()
    for name, table in staged.tables():
        kind = name.removesuffix(".parquet")
        made = without(kind, table, gone, pieces)
        if made is not None:
            staged.put_table(name, made)
            counts[kind.partition("/")[0]] += table.num_rows - made.num_rows or _changed(table, made)
    return staged, counts


def _changed(table: pa.Table, made: pa.Table) -> int:
    left, right = table.to_pylist(), made.to_pylist()
    return sum(one != other for one, other in zip(left, right, strict=True))


def _pieces(run: Run, gone: Gone) -> frozenset[str]:
    """Samples of slots and keyphrases that come from the accounts alone."""
    found: set[str] = set()
    if (run.path / "slot_values.parquet").exists():
        found |= set(run.table("slot_values", ["value"])["value"].to_pylist())
    if (run.path / "labels.parquet").exists():
        labels = run.table("labels", ["template_json", "keyphrases"])
        for text in labels["template_json"].to_pylist():
            for part in json.loads(text)["parts"]:
                found |= set(part["values"]) if isinstance(part, dict) else set()
        found |= {phrase for phrases in labels["keyphrases"].to_pylist() for phrase in phrases}
    return only_theirs(found, gone.texts, _others(run, gone))


def _others(run: Run, gone: Gone) -> Iterator[Sequence[str]]:
    for part in run.prompt_parts():
        table = pl.DataFrame(files.read_parquet(part, ["account_id", "prompt"]))
        yield table.filter(~pl.col("account_id").is_in(sorted(gone.ids)))["prompt"].unique().to_list()


# -- the store -----------------------------------------------------------------------------------------


def clean_store(session: Session, gone: Gone) -> Counter[str]:
    """Take the accounts out of every table but the audit log, which nobody changes; rows changed, by table.

    Messages lose the entries of the accounts, also those that were delivered: what receivers have they have.
    """
    counts: Counter[str] = Counter()
    for table in METADATA.sorted_tables:
        wanted = [column for column in table.columns if column.name in SENTENCES or column.name == "body"]
        if table.name == "audit" or not wanted:
            continue
        keys = list(table.primary_key.columns)
        for row in session.execute(select(*keys, *wanted)).mappings().all():
            new = {
                column.name: made for column in wanted if (made := _cleaned(row[column], gone)) != row[column]
            }
            if new:
                session.execute(update(table).where(*(key == row[key] for key in keys)).values(new))
                counts[table.name] += 1
    return counts


def _cleaned(value: Any, gone: Gone) -> Any:
    return gone.redacted(value) if isinstance(value, str) else without_entries(value, gone.ids)


def without_entries(value: Any, ids: set[str]) -> Any:
    """A body of a message, or any JSON, without the entries of accounts."""
    if isinstance(value, list):
        return [without_entries(one, ids) for one in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for key, one in value.items():
        if key in _LIST_KEYS and isinstance(one, list):
            one = [entry for entry in one if _named(entry) not in ids]
        made[key] = without_entries(one, ids)
    return made


def _named(entry: Any) -> Any:
    return entry.get("account_id") if isinstance(entry, dict) else entry
