"""Confirmed campaigns on their way out: small runs that can be decided on, and sinks that note what they get."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from store_examples import a_campaign, publish_now

from campaigns import files
from campaigns.entries import PublishedRun
from campaigns.records import ACCOUNTS, CAMPAIGNS, Objective, Tier
from campaigns.runs import MANIFEST
from campaigns.store import Store
from enforcement.sinks import Outcome, Outgoing, Result

PASSER_BY: Final = "acct-passer-by"
OK: Final = Result(Outcome.DELIVERED)
DOWN: Final = Result(Outcome.FAILED, "the receiver answered 503")


def publish_accounts(
    store: Store, home: Path, run: PublishedRun, accounts: Mapping[str, Sequence[str]]
) -> None:
    """Publish a run of campaigns with these accounts, and of its files what messages are made of.

    Each campaign has a passer-by besides, whom the run does not name.
    """
    folder = home / run.path
    campaigns = [
        {
            "campaign_id": name,
            "tier": Tier.ACTIONABLE.value,
            "score": 0.9,
            "n_prompts": 120,
            "n_accounts": len(named) + 1,
            "template": "Grade this essay: {text}",
            "label": "Grades essays",
            "summary": "",
            "objective": Objective.GRADING.value,
            "objective_confidence": 0.8,
            "keyphrases": [],
            "exemplar_prompt_ids": [],
            "operator_id": None,
            "reasons": [],
        }
        for name, named in sorted(accounts.items())
    ]
    rows = [
        {
            "account_id": account,
            "campaign_id": name,
            "n_prompts": 4,
            "share": 1.0,
            "strength": 0.98765 if account != PASSER_BY else 0.1,
            "is_core": account != PASSER_BY,
            "reasons": ["shares a payment card with others of them", "uses the network of the others"],
        }
        for name, named in sorted(accounts.items())
        for account in sorted([*named, PASSER_BY])
    ]
    files.write_parquet(folder / "campaigns.parquet", pa.Table.from_pylist(campaigns, CAMPAIGNS))
    files.write_parquet(folder / "accounts.parquet", pa.Table.from_pylist(rows, ACCOUNTS))
    manifest = {"versions": {"shoal": "0.1.0"}, "settings": {"embedding": {"model": "default"}}}
    files.write_json(folder / MANIFEST, manifest)
    publish_now(store, run, [a_campaign(name) for name in accounts])


class Recorder:
    """A sink that notes what it gets, and answers as it is told; by default it takes everything."""

    def __init__(self, name: str = "jsonl", answer: Callable[[Outgoing], Result] = lambda _: OK) -> None:
        self.name = name
        self.answer = answer
        self.got: list[Outgoing] = []

    def send(self, batch: Sequence[Outgoing]) -> Sequence[Result]:
        self.got += batch
        return [self.answer(one) for one in batch]

    def close(self) -> None: ...

    @property
    def ids(self) -> list[str]:
        return [one.message_id for one in self.got]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.got]
