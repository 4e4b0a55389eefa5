"""A home with a planted account: its words are found nowhere else, and it is in every place that Shoal keeps.

The canary account belongs to a campaign, sends texts of its own and one that others send too, waits in the quarantine
of a second day, is quoted in a reason, was handed off in files, and is in a pass of `shoal match`.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from run_examples import GRADES, publish_example
from sqlalchemy import update
from store_examples import MONDAY, TUESDAY

from campaigns import files
from campaigns.entries import AllowKind, Verdict
from campaigns.records import LABELS, PROMPTS, QUARANTINE, REPRESENTATIVES, SLOT_VALUES, Reason, text_key
from campaigns.runs import MANIFEST, Run
from campaigns.settings import Settings, load
from campaigns.store import Store
from campaigns.tables import RunRow
from embeddings.cache import VectorCache
from embeddings.index import CosineIndex
from enforcement.outbox import drain
from enforcement.sinks.made import sinks_of

CANARY: Final = "acct-2"
"""In `run_examples` it is named in the campaign GRADES, with two prompts."""
OWN: Final = "Grade this essay: the zygodactyl quokka wears a velvet mantle at midsummer"
SHARED: Final = "Grade this essay: everybody knows this one by heart, the tide comes in"
SLOT: Final = "the zygodactyl quokka wears a velvet mantle"
OTHER: Final = "acct-22"
"""An id that the canary's begins: nobody may take the one for the other."""
DIMENSION: Final = 8


def settings_of(home: Path, **flags: Any) -> Settings:
    given = {"home": str(home), "delivery.sinks": "jsonl,csv", **flags}
    return load(given, environment={}).settings


def plant(home: Path) -> None:
    """Two published days, a decision that was handed off, vectors, a pass, an allow-list entry."""
    for day in (MONDAY, TUESDAY):
        _enrich(publish_example(home, day))
        _publish_again(home, day)
    settings = settings_of(home)
    with Store.open(settings) as store:
        store.decide(GRADES, Verdict.CONFIRMED, reason=f"{CANARY} and {OTHER} share a card", author="ada")
        store.add_allow(AllowKind.CAMPAIGN, "c-zzzz9999", reason=f"{CANARY} asked", author="ada")
        drain(store, home, sinks_of(["jsonl", "csv"], settings.delivery, home), settings.delivery)
    cache = VectorCache(home / "cache" / "vectors" / "tiny", DIMENSION)
    keys = np.array([text_key(OWN), text_key(SHARED)], dtype="S16")
    cache.put(keys, np.ones((2, DIMENSION), np.float16))
    _pass(home / "matches" / "one")


def _prompt(prompt_id: str, account_id: str, prompt: str, at: date) -> dict[str, Any]:
    return {
        "prompt_id": prompt_id,
        "account_id": account_id,
        "created_at": datetime(at.year, at.month, at.day, 12, tzinfo=UTC),
        "prompt": prompt,
        "system_prompt": f"for {account_id} only" if account_id == CANARY else None,
        "text_key": text_key(prompt),
    }


def _enrich(run: Run) -> None:
    """What the example lacks: texts of the canary, vectors, slots, a quarantined row, extra columns."""
    more = [
        _prompt("own-1", CANARY, OWN, run.day),
        _prompt("own-2", CANARY, SHARED, run.day),
        _prompt("other-1", OTHER, SHARED, run.day),
    ]
    files.write_parquet(run.path / "prompts" / "part-0002.parquet", pa.Table.from_pylist(more, PROMPTS))
    rows = [(OWN, -1), (SHARED, -1), ("Balance the ledger of [SLOT]", 0)]
    representatives = [
        {
            "representative": number,
            "group": group,
            "text_key": text_key(text),
            "text": text,
            "n_prompts": 1,
            "n_accounts": 1,
            "truncated": False,
        }
        for number, (text, group) in enumerate(rows)
    ]
    files.write_parquet(
        run.path / "representatives.parquet", pa.Table.from_pylist(representatives, REPRESENTATIVES)
    )
    vectors = np.eye(len(rows), DIMENSION, dtype=np.float32)
    files.write_array(run.path / "vectors.npy", vectors)
    CosineIndex.build(vectors, np.arange(len(rows))).save(run.path / "index.faiss")
    values = [(SLOT, 1), ("the tide", 2)]
    slots = [
        {
            "family": 0,
            "slot": 0,
            "kind": "text",
            "n_values": 2,
            "value_key": number,
            "value": value,
            "n_prompts": n,
            "n_accounts": n,
        }
        for number, (value, n) in enumerate(values)
    ]
    files.write_parquet(run.path / "slot_values.parquet", pa.Table.from_pylist(slots, SLOT_VALUES))
    labels = run.table("labels").to_pylist()
    template = json.loads(labels[0]["template_json"])
    template["parts"][1]["values"] = ["the tide", SLOT]
    labels[0] |= {
        "template_json": json.dumps(template),
        "keyphrases": ["tide", "zygodactyl quokka"],
        "exemplars": [text_key(OWN), text_key(SHARED)],
    }
    files.write_parquet(run.path / "labels.parquet", pa.Table.from_pylist(labels, LABELS))
    aside = {"prompt_id": "bad-1", "account_id": CANARY, "source": f"exports/{CANARY}.csv", "row": 3}
    aside |= {"reason": Reason.EMPTY.value, "detail": ""}
    files.write_parquet(run.path / "quarantine.parquet", pa.Table.from_pylist([aside], QUARANTINE))
    extras = pa.table({"prompt_id": ["own-1", "other-1"], "x_header": [f"session of {CANARY}", "plain"]})
    files.write_parquet(run.path / "extras.parquet", extras)
    run.stage(
        "enriched",
        dict,
        ["representatives.parquet", "vectors.npy", "index.faiss", "slot_values.parquet", "extras.parquet"],
    )
    (run.path / "stages" / "labelled.json").unlink()
    run.stage("labelled", dict, ["labels.parquet", "identities.parquet", "prompts/part-*.parquet"])
    run.finish({})


def _publish_again(home: Path, day: date) -> None:
    """The manifest of the enriched run, as the ledger knows it."""
    run = Run(home / "runs" / day.isoformat() / "1", day, 1, "f1")
    with Store.open(settings_of(home)) as store, store.writing() as session:
        session.execute(
            update(RunRow)
            .where(RunRow.run_id == run.run_id)
            .values(digest=run.manifest()["digest"], manifest_sha256=run.manifest_sha256())
        )


def _pass(folder: Path) -> None:
    matches = pa.table(
        {"prompt_id": ["own-1", "other-1"], "account_id": [CANARY, OTHER], "slots": [[SLOT], ["the tide"]]}
    )
    files.write_parquet(folder / "matches" / "part-0000.parquet", matches)
    files.write_parquet(
        folder / "accounts.parquet", pa.table({"account_id": [CANARY, OTHER], "n_prompts": [2, 1]})
    )
    names = ("matches/part-0000.parquet", "accounts.parquet")
    told = {name: {"sha256": files.sha256_file(folder / name), "rows": 2} for name in names}
    files.write_json(folder / MANIFEST, {"format": 1, "files": told})


def everything(home: Path) -> dict[str, bytes]:
    """What every file says: tables as rows of JSON, the rest as it is."""
    found = {}
    for path in sorted(home.rglob("*")):
        if path.suffix == ".parquet":
            rows = files.read_parquet(path).to_pylist()
            found[str(path)] = json.dumps(rows, default=_plain, ensure_ascii=False).encode()
        elif path.is_file():
            found[str(path)] = path.read_bytes()
    return found


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
