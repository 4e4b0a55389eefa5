"""Who sent what, and what else they sent.

Wording alone cannot tell a template from an idiom that many people use. Their senders can: the accounts of a pool send
little else, while an idiom turns up in the traffic of just anybody, and most in that of those who write most. The
percentile of what else the senders sent, among what the sender of a random prompt sends besides, is 0.5 on average
for an idiom and near 0 for a pool without cover.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

REFERENCE_ACCOUNTS = 10
"""Accounts of a group at which its evidence is its strength."""
REFERENCE_PROMPTS = 20_000
"""Volume at which that holds. Twice the traffic holds more idioms, not longer ones: accounts count as the root."""
TOLERATED = 0.25
"""Mean percentile of what the senders of a group sent besides, up to which nothing is doubted."""
DOUBT = 1.0
"""How much the divisor of evidence grows with every `TOLERATED` above that: at 0.5 evidence counts half."""


@dataclass(frozen=True)
class Pairs:
    """Who sent what: one entry per (account, text), int64 arrays of equal length.

    Attributes:
        accounts: account numbers.
        texts: rows of the feature sets.
        prompts: how often.
    """

    accounts: NDArray[np.int64]
    texts: NDArray[np.int64]
    prompts: NDArray[np.int64]

    def prompts_per_text(self, n_texts: int) -> NDArray[np.int64]:
        return np.bincount(self.texts, weights=self.prompts, minlength=n_texts).astype(np.int64)

    @cached_property
    def n_prompts(self) -> int:
        return int(self.prompts.sum())

    @cached_property
    def everyone(self) -> int:
        """Distinct accounts."""
        return len(np.unique(self.accounts))

    @cached_property
    def activity(self) -> NDArray[np.int64]:
        """Prompts of each account, int64 (highest account number + 1,)."""
        return np.bincount(self.accounts, weights=self.prompts).astype(np.int64)

    @cached_property
    def _others(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(what the sender of a prompt sent besides, ascending; share of the prompts below each, and 1)."""
        others, at = np.unique(np.maximum(self.activity - 1, 0), return_inverse=True)
        prompts = np.bincount(at, weights=self.activity)
        return others, np.concatenate([[0.0], np.cumsum(prompts) / max(self.n_prompts, 1)])

    def sender_of_text(self, n_texts: int) -> NDArray[np.int64]:
        """Account of each text, int64 (n_texts,); a text of several accounts has a number of its own."""
        senders = len(self.activity) + np.arange(n_texts)
        n_senders = np.bincount(self.texts, minlength=n_texts)
        alone = n_senders[self.texts] == 1
        senders[self.texts[alone]] = self.accounts[alone]
        return senders

    def mean_over_senders(self, values: NDArray[np.float64], n_texts: int) -> NDArray[np.float64]:
        """Mean of a value per account over the accounts of each text, float64 (n_texts,); 0 for no account."""
        summed = np.bincount(self.texts, weights=values[self.accounts], minlength=n_texts)
        return np.round(summed / np.maximum(np.bincount(self.texts, minlength=n_texts), 1), 9)

    def percentile(self, others: NDArray[np.integer] | NDArray[np.floating]) -> NDArray[np.float64]:
        """Share of all prompts whose sender sent fewer others, ties by half; float64 like `others`."""
        values, below = self._others
        low, high = np.searchsorted(values, others, "left"), np.searchsorted(values, others, "right")
        result: NDArray[np.float64] = (below[low] + below[high]) / 2
        return result

    def ordinary(
        self,
        accounts: NDArray[np.int64],
        prompts: NDArray[np.int64],
        explained: NDArray[np.int64] | int = 0,
    ) -> NDArray[np.float64]:
        """How much like anybody else's the traffic of a group's accounts is, float64 per (group, account).

        The percentile of what an account sent besides, divided by how often it repeated itself: people say a thing
        once.

        Args:
            accounts: account numbers.
            prompts: what each sent in the group.
            explained: what each sent in other families, which does not count as sent besides.
        """
        others = np.maximum(self.activity[accounts] - prompts - explained, 0)
        return self.percentile(others) / np.maximum(prompts, 1)


def evidence(
    strength: NDArray[np.float64],
    n_accounts: NDArray[np.int64],
    ordinary: NDArray[np.float64],
    n_prompts: int,
) -> NDArray[np.float64]:
    """What strength, number and ordinariness of the accounts say together for a template, in nats.

    Args:
        strength: summed weight of each core, in nats.
        ordinary: mean of `Pairs.ordinary` over each group's accounts.
        n_prompts: of the whole traffic.
    """
    reference = REFERENCE_ACCOUNTS * np.sqrt(n_prompts / REFERENCE_PROMPTS)
    doubt = 1 + DOUBT * np.clip(ordinary - TOLERATED, 0, None) / TOLERATED
    result: NDArray[np.float64] = strength * np.sqrt(n_accounts / reference) / doubt
    return result
