"""A large day as published, made without finding anything: what the analyst's page has to read, and its store.

Sizes are those of a day that a page must stand; contents are random and mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from accounts.signals.reading import COUNTED, QUANTILES, Group
from campaigns import files
from campaigns.entries import CampaignRecord, Event, Lineage, PublishedRun, WordingRecord
from campaigns.locks import held
from campaigns.prevalence import write_prevalence
from campaigns.publish import publish
from campaigns.records import (
    ACCOUNTS,
    BRIDGES,
    CAMPAIGNS,
    EVIDENCE,
    FAMILY_CORES,
    FAMILY_MEMBERS,
    IDENTITIES,
    LABELS,
    MAP,
    MATCHERS,
    MEMBERS,
    OPERATORS,
    PROMPTS,
    QUARANTINE,
    SEEDS,
    SLOT_VALUES,
    TEXTS,
    VARIANTS,
    MatcherState,
    Objective,
    Slot,
    Template,
    Tier,
)
from campaigns.runs import Run, open_run
from campaigns.store import Store
from labeling.template import template_to_json

SIGNALS: Final = tuple(
    (f"signal {number:02}", group)
    for number, group in enumerate([*COUNTED * 4, Group.VOLUME, Group.CLIENT, *[Group.CONTENT] * 3])
)
SLOTS, VALUES, FEATURES, PARTS = 3, 12, 60, 8
"""Slots of a template, values kept of each, features of a core, files of prompts."""
DIMENSIONS: Final = 384
_Columns = dict[str, Sequence[Any] | NDArray[Any]]
_OPERATOR: Final = 4
"""Campaigns of an operator; a tenth of all campaigns has one."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """`members` prompts are dealt to the campaigns, a few of which are large; four prompts make an account."""

    campaigns: int = 10_000
    members: int = 1_000_000

    @property
    def pool(self) -> int:
        """Accounts of the day; most are in two campaigns."""
        return max(self.members // 8, self.members // self.campaigns)


def publish_day(home: Path, day: date, sizes: Sizes | None = None) -> Run:
    """Write a run of `day` below `home` and publish it in the store there. The same day is always the same."""
    run = open_run(home, day, "made")
    made = _Day(run, sizes or Sizes(), np.random.default_rng(day.toordinal()))
    made.write()
    run.stage("results", lambda: {"campaigns": made.n, "members": made.sizes.members}, [])
    run.stage("ingest", lambda: {"rows_in": made.sizes.members, "accepted": made.sizes.members}, [])
    run.finish({})
    with (
        Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store,
        held(store, day, lease_seconds=600) as lock,
    ):
        publish(store, lock, PublishedRun.of(run, home, {}), made.records())
    return run


class _Day:
    def __init__(self, run: Run, sizes: Sizes, rng: np.random.Generator) -> None:
        self.run, self.sizes, self.rng, self.n = run, sizes, rng, sizes.campaigns
        self.names = [f"c-{n:016x}" for n in range(self.n)]
        weight = rng.pareto(1.5, self.n) + 1
        spread = np.floor((sizes.members - 4 * self.n) * weight / weight.sum()).astype(np.int64)
        self.n_prompts = 4 + spread
        self.n_prompts[0] += sizes.members - self.n_prompts.sum()
        self.n_accounts = np.minimum((self.n_prompts + 3) // 4, sizes.pool)
        self.owner = np.repeat(np.arange(self.n), self.n_prompts)
        self.tiers = rng.choice([tier.value for tier in Tier], self.n, p=[0.1, 0.3, 0.6])
        self.scores = rng.random(self.n)
        self.words = np.array([f"w{n:x}" for n in rng.integers(0, 1 << 20, 4_000)])
        self.templates = [self._template() for _ in range(self.n)]
        self.operators = [f"o-{n // _OPERATOR:016x}" if n < self.n // 10 else None for n in range(self.n)]

    def write(self) -> None:
        prompt_ids, senders, keys = self._members()
        self._prompts(prompt_ids, senders, keys)
        self._campaigns(prompt_ids)
        self._families()
        self._accounts()
        self._evidence()
        self._links()
        _write(self.run, "map", MAP, {name: [] for name in MAP.names})
        _write(self.run, "quarantine", QUARANTINE, {name: [] for name in QUARANTINE.names})
        _write(self.run, "seeds", SEEDS, {name: [] for name in SEEDS.names})
        texts = pl.DataFrame({"text_key": keys, "campaign_id": np.array(self.names)[self.owner]})
        write_prevalence(self.run, texts, pl.DataFrame(self.run.table("campaigns")), "unknown")

    def records(self) -> list[CampaignRecord]:
        born = Lineage(event=Event.MINTED, reason="new", figures={"overlap": 0.0})
        return [
            CampaignRecord(
                campaign_id=name,
                n_prompts=int(self.n_prompts[place]),
                n_accounts=int(self.n_accounts[place]),
                tier=Tier(str(self.tiers[place])),
                score=float(self.scores[place]),
                title=f"Campaign {place}",
                objective=Objective.UNCLEAR,
                template=self.templates[place].display(),
                wordings=(
                    WordingRecord(
                        variant=0,
                        features=np.arange(FEATURES, dtype=np.uint64) + np.uint64(place),
                        weights=np.ones(FEATURES, np.float32),
                    ),
                ),
                lineage=(born,),
            )
            for place, name in enumerate(self.names)
        ]

    def _said(self, n: int) -> str:
        return " ".join(self.words[self.rng.integers(0, len(self.words), n)])

    def _template(self) -> Template:
        parts: list[str | Slot] = []
        for number in range(SLOTS):
            values = tuple(self._said(2) for _ in range(3))
            parts += [self._said(30) + " ", Slot("text", 50 + number, values), " "]
        return Template(tuple(parts), 0.7, 200.0, 0.95)

    def _members(self) -> tuple[NDArray[Any], NDArray[Any], list[bytes]]:
        """Prompt ids, ascending within each campaign, the account of each and the key of its text."""
        n = self.sizes.members
        first = np.cumsum(self.n_prompts) - self.n_prompts
        self.starts = self.rng.integers(0, self.sizes.pool, self.n)
        rank = np.arange(n) - first[self.owner]
        senders = (self.starts[self.owner] + rank % self.n_accounts[self.owner]) % self.sizes.pool
        numbers = self.rng.integers(0, 1 << 40, n) * self.sizes.members + np.arange(n)
        numbers = numbers[np.lexsort((numbers, self.owner))]
        prompt_ids = np.array([f"p_{number:017x}" for number in numbers.tolist()])
        accounts = self._account_ids(senders)
        keys = [key.tobytes() for key in self.rng.integers(0, 256, (n, 16), np.uint8)]
        _write(
            self.run,
            "members",
            MEMBERS,
            {
                "prompt_id": prompt_ids,
                "account_id": accounts,
                "campaign_id": np.array(self.names)[self.owner],
                "strength": self.rng.random(n).astype(np.float32),
                "is_core": self.rng.random(n) < 0.9,
            },
        )
        return prompt_ids, senders, keys

    def _account_ids(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        named: NDArray[Any] = np.array([f"acc_{n:016x}" for n in range(self.sizes.pool)])[numbers]
        return named

    def _prompts(self, prompt_ids: NDArray[Any], senders: NDArray[np.int64], keys: list[bytes]) -> None:
        accounts = self._account_ids(senders)
        heads = [template.display() for template in self.templates]
        seconds = self.rng.integers(0, 86_400, len(prompt_ids))
        midnight = np.datetime64(self.run.day.isoformat(), "us")
        for part in range(PARTS):
            rows = np.flatnonzero(senders % PARTS == part)
            rows = rows[np.argsort(prompt_ids[rows])]
            columns: dict[str, Any] = {
                name: pa.nulls(len(rows), PROMPTS.field(name).type) for name in PROMPTS.names
            }
            columns |= {
                "prompt_id": prompt_ids[rows],
                "account_id": accounts[rows],
                "created_at": midnight + seconds[rows].astype("timedelta64[s]"),
                "prompt": [f"{heads[self.owner[row]]} {row}" for row in rows.tolist()],
                "text_key": [keys[row] for row in rows.tolist()],
            }
            _write(self.run, f"prompts/part-{part:04d}", PROMPTS, columns)
        order = sorted(range(len(keys)), key=keys.__getitem__)
        by_key = np.array(order)
        marked = self.rng.random(len(keys)) < 0.02
        ones = np.ones(len(keys), np.int64)
        nothing: list[list[int]] = [[]] * len(keys)
        _write(
            self.run,
            "texts",
            TEXTS,
            {
                "text_key": [keys[row] for row in order],
                "n_prompts": ones,
                "n_accounts": ones,
                "n_tokens": 120 * ones,
                "evasion_marks": 3 * marked,
                "language": 0 * ones,
                **dict.fromkeys(("pairs", "wide_pairs", "edges", "windows"), nothing),
                "skeleton": [""] * len(keys),
            },
        )
        _write(
            self.run,
            "family_members",
            FAMILY_MEMBERS,
            {
                "text_key": [keys[row] for row in order],
                "family": self.owner[by_key],
                "strength": ones,
                "is_core": ones.astype(bool),
            },
        )

    def _campaigns(self, prompt_ids: NDArray[Any]) -> None:
        first = np.cumsum(self.n_prompts) - self.n_prompts
        shown = [template.display() for template in self.templates]
        titles = [f"Campaign {n}" for n in range(self.n)]
        _write(
            self.run,
            "campaigns",
            CAMPAIGNS,
            {
                "campaign_id": self.names,
                "tier": self.tiers,
                "score": self.scores,
                "n_prompts": self.n_prompts,
                "n_accounts": self.n_accounts,
                "template": shown,
                "label": titles,
                "summary": ["A summary of about a line, as campaigns have one."] * self.n,
                "objective": [Objective.UNCLEAR.value] * self.n,
                "objective_confidence": np.full(self.n, 0.5, np.float32),
                "keyphrases": [[self._said(2) for _ in range(5)] for _ in range(self.n)],
                "exemplar_prompt_ids": [prompt_ids[at : at + 3].tolist() for at in first.tolist()],
                "operator_id": self.operators,
                "reasons": [[f"Reason {k} of some length, in words." for k in range(6)]] * self.n,
            },
        )
        _write(
            self.run,
            "variants",
            VARIANTS,
            {
                "campaign_id": self.names,
                "variant": np.zeros(self.n, np.int32),
                "n_prompts": self.n_prompts,
                "n_accounts": self.n_accounts,
                "template": shown,
                "label": titles,
                "exemplar_prompt_id": prompt_ids[first],
                "reason": ["the largest"] * self.n,
            },
        )

    def _families(self) -> None:
        """Family n is the one wording of campaign n."""
        numbers = np.arange(self.n)
        none = {name: [None] * self.n for name in ("other_id", "cosine")}
        zeros = {name: np.zeros(self.n, np.int64) for name in ("variant", "overlap", "shared", "expected")}
        named: _Columns = {"family": numbers, "campaign_id": self.names, "lead": numbers}
        told = {"event": [Event.MINTED.value] * self.n, "reason": ["new"] * self.n}
        _write(self.run, "identities", IDENTITIES, {**named, **zeros, **told, **none})
        _write(
            self.run,
            "labels",
            LABELS,
            {
                "family": numbers,
                "template": [template.display() for template in self.templates],
                "template_json": [template_to_json(template) for template in self.templates],
                **{name: [""] * self.n for name in ("title", "summary")},
                "objective": [Objective.UNCLEAR.value] * self.n,
                "objective_confidence": np.full(self.n, 0.5, np.float32),
                **{name: [[]] * self.n for name in ("keyphrases", "exemplars")},
            },
        )
        figures = (
            "saved_bits",
            "accepted",
            "words",
            "organic_matches",
            "organic_accounts",
            "organic_prompts",
        )
        _write(
            self.run,
            "matchers",
            MATCHERS,
            {
                "family": numbers,
                "state": [MatcherState.USABLE.value] * self.n,
                "reason": ["meets nobody else"] * self.n,
                "anywhere": [True] * self.n,
                "is_template": [True] * self.n,
                **{name: np.ones(self.n, np.int64) for name in (*figures, "collision_bound")},
                **{name: [[]] * self.n for name in ("other_families", "other_matches")},
            },
        )
        rows = self.n * SLOTS * VALUES
        _write(
            self.run,
            "slot_values",
            SLOT_VALUES,
            {
                "family": np.repeat(numbers, SLOTS * VALUES),
                "slot": np.tile(np.repeat(np.arange(SLOTS), VALUES), self.n),
                "kind": ["text"] * rows,
                "n_values": np.full(rows, 50),
                "value_key": self.rng.integers(0, 1 << 62, rows),
                "value": [
                    f"a value of some words {k:x}" for k in self.rng.integers(0, 1 << 40, rows).tolist()
                ],
                "n_prompts": np.full(rows, 2),
                "n_accounts": np.full(rows, 2),
            },
        )
        # Neighbours in number share a third of their features.
        features = np.arange(FEATURES) + np.repeat(numbers, FEATURES).reshape(-1, FEATURES) * (
            2 * FEATURES // 3
        )
        _write(
            self.run,
            "family_cores",
            FAMILY_CORES,
            {
                "family": np.repeat(numbers, FEATURES),
                "feature": features.reshape(-1).astype(np.uint64),
                "weight": self.rng.random(features.size).astype(np.float32) + 0.1,
            },
        )
        directions = self.rng.normal(size=(self.n, DIMENSIONS))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        files.write_array(self.run.path / "directions.npy", directions.astype(np.float16))

    def _accounts(self) -> None:
        owner = np.repeat(np.arange(self.n), self.n_accounts)
        rank = np.arange(len(owner)) - (np.cumsum(self.n_accounts) - self.n_accounts)[owner]
        numbers = (self.starts[owner] + rank) % self.sizes.pool
        numbers = numbers[np.lexsort((numbers, owner))]
        rows = len(owner)
        reasons = [
            "4 of the account's 9 prompts of the day carry the template",
            "uses the network of the others",
        ]
        _write(
            self.run,
            "accounts",
            ACCOUNTS,
            {
                "account_id": self._account_ids(numbers),
                "campaign_id": np.array(self.names)[owner],
                "n_prompts": np.full(rows, 4),
                "share": self.rng.random(rows),
                "strength": self.rng.random(rows),
                "is_core": self.rng.random(rows) < 0.8,
                "reasons": [[*reasons, f"made within {k} days of others"] for k in range(rows)],
            },
        )

    def _evidence(self) -> None:
        rows = self.n * len(SIGNALS)
        counted = np.tile([group in COUNTED for _, group in SIGNALS], self.n)
        p_values = np.where(counted & (self.rng.random(rows) < 0.8), self.rng.random(rows) ** 2, np.nan)
        controls = np.sort(self.rng.random((rows, len(QUANTILES))), axis=1)
        offsets = np.arange(rows + 1, dtype=np.int32) * len(QUANTILES)
        _write(
            self.run,
            "evidence",
            EVIDENCE,
            {
                "campaign_id": np.repeat(self.names, len(SIGNALS)),
                "signal": [name for name, _ in SIGNALS] * self.n,
                "group": [group.value for _, group in SIGNALS] * self.n,
                "value": self.rng.random(rows),
                "control_median": controls[:, 10],
                "control_p95": controls[:, 19],
                "controls": pa.ListArray.from_arrays(pa.array(offsets), pa.array(controls.reshape(-1))),
                "p_value": pa.array(p_values, from_pandas=True),
                "sentence": [
                    f"{k} of the accounts did so; among as many others {k // 2}" for k in range(rows)
                ],
            },
        )

    def _links(self) -> None:
        members = [n for n, operator in enumerate(self.operators) if operator is not None]
        _write(
            self.run,
            "operators",
            OPERATORS,
            {
                "operator_id": [self.operators[n] for n in members],
                "campaign_id": [self.names[n] for n in members],
                "membership": self.rng.random(len(members)),
                "reasons": [["they share accounts", "they came up together"]] * len(members),
            },
        )
        ends = range(self.n // 10, self.n // 5)
        _write(
            self.run,
            "bridges",
            BRIDGES,
            {
                "campaign_id": [self.names[n] for n in ends],
                "other_id": [self.names[n + 1] for n in ends],
                "n_shared": np.full(len(ends), 3),
                "expected": np.full(len(ends), 0.5),
                "account_ids": [
                    self._account_ids(self.rng.integers(0, self.sizes.pool, 3)).tolist() for _ in ends
                ],
            },
        )


def _write(run: Run, name: str, schema: pa.Schema, columns: _Columns) -> None:
    arrays = []
    for field in schema:
        values = columns[field.name]
        array = values if isinstance(values, pa.Array) else pa.array(values)
        arrays.append(array.cast(field.type))
    files.write_parquet(run.path / f"{name}.parquet", pa.table(arrays, schema=schema))
