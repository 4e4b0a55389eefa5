"""Link: the accounts of each campaign, how firmly each belongs to it, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from accounts.case import Case
from accounts.history import History
from accounts.strength import CORE_STRENGTH, FACTS, PRIOR, WARY_PRIOR, strengths
from accounts.tiers import Verdict
from campaigns.records import ACCOUNTS, Tier

TELLING = 0.7
"""What a fact must add to the log odds, to either side, to be worth a word: a factor of two."""
_FOR = {
    "other traffic": "sends little else, like the others",
    "prompts": "sent the template as often as the others",
    "made together": "made within a day of other accounts of the campaign",
    "address range": "shares an address range with others of them",
    "payment card": "shares a payment card with others of them",
    "network": "uses the network of the others",
    "client": "uses the client of the others",
    "age": "as old as the others",
    "organization": "belongs to an organization or to none, as the others do",
    "other campaigns": "is in other suspected campaigns, as the others are",
    "days before": "sent the template on days before, as the others did",
}
_AGAINST = {
    "other traffic": "sends what ordinary accounts send besides",
    "prompts": "sent the template no more often than a passer-by",
    "made together": "made apart from the others",
    "address range": "shares no address range with them",
    "payment card": "shares no payment card with them",
    "network": "uses another network",
    "client": "uses another client",
    "age": "of another age",
    "organization": "differs from the others in its organization",
    "other campaigns": "is in no other suspected campaign",
    "days before": "did not send the template on the days before",
}


Strengths = tuple[NDArray[np.float64], NDArray[np.float64]]
"""What `strengths` gives for a case."""


def account_strengths(
    found: Sequence[Case], ids: Sequence[str], verdicts: Sequence[Verdict], history: History
) -> list[Strengths]:
    """The strengths of each case's accounts; warier where nothing strict speaks against the case."""
    n_suspected = np.zeros(len(found[0].members.population) if found else 0, np.int64)
    for case, verdict in zip(found, verdicts, strict=True):
        n_suspected[case.accounts] += verdict.tier != Tier.BENIGN
    return [
        strengths(
            case, PRIOR if verdict.strict else WARY_PRIOR, _met(case, name, verdict, n_suspected, history)
        )
        for case, name, verdict in zip(found, ids, verdicts, strict=True)
    ]


def _met(
    case: Case, name: str, verdict: Verdict, n_suspected: NDArray[np.int64], history: History
) -> NDArray[np.int64]:
    """Other suspected campaigns of the day that each account is in, and whether it worked for this one before."""
    others = n_suspected[case.accounts] - int(verdict.tier != Tier.BENIGN)
    before = history.worked_for(name)["account_id"].unique()
    ids = case.members.population.ids.gather(case.accounts)
    return np.column_stack([others, ids.is_in(before.implode()).to_numpy().astype(np.int64)])


def campaign_accounts(
    found: Sequence[Case], ids: Sequence[str], belonging: Sequence[Strengths]
) -> pl.DataFrame:
    """Schema ACCOUNTS, all campaigns together."""
    tables = [pl.DataFrame(ACCOUNTS.empty_table())]
    for case, name, (strength, odds) in zip(found, ids, belonging, strict=True):
        total = case.members.population.n_prompts[case.accounts]
        rows = {
            "account_id": case.members.population.ids.gather(case.accounts).to_list(),
            "campaign_id": [name] * len(strength),
            "n_prompts": case.counts.tolist(),
            "share": np.round(case.counts / total, 6).tolist(),
            "strength": strength.tolist(),
            "is_core": (strength >= CORE_STRENGTH).tolist(),
            "reasons": [
                _reasons(*row)
                for row in zip(case.counts.tolist(), total.tolist(), strength.tolist(), odds, strict=True)
            ],
        }
        tables.append(pl.DataFrame(pa.Table.from_pydict(rows, ACCOUNTS)))
    return pl.concat(tables).sort("campaign_id", "account_id")


def _reasons(sent: int, total: int, strength: float, odds: NDArray[np.float64]) -> list[str]:
    """How much it sent, then what tells most to the side its strength is on."""
    named = strength >= CORE_STRENGTH
    telling = odds if named else -odds
    order = np.argsort(-telling, kind="stable")
    words = _FOR if named else _AGAINST
    facts = [words[FACTS[fact]] for fact in order.tolist() if telling[fact] >= TELLING][:4]
    if not facts:
        facts = ["nothing tells it from a passer-by" if not named else "nothing tells it from the others"]
    return [f"{sent} of the account's {total} prompts of the day carry the template", *facts]
