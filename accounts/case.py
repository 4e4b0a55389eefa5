"""A case: the prompts and accounts of one campaign of the day, as its evidence is read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from accounts.members import Members


@dataclass(frozen=True)
class Case:
    """One campaign.

    Attributes:
        lead: the family that names it, that with most prompts.
        families: int64, all of its families, ascending.
        rows: int64 (n,), its prompts in `members`.
    """

    members: Members
    lead: int
    families: NDArray[np.int64]
    rows: NDArray[np.int64]

    @cached_property
    def _counted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        accounts, counts = np.unique(self.members.accounts[self.rows], return_counts=True)
        return accounts, counts.astype(np.int64)

    @property
    def accounts(self) -> NDArray[np.int64]:
        """Rows of the population, ascending."""
        return self._counted[0]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Prompts of each account in the campaign."""
        return self._counted[1]

    @cached_property
    def customers(self) -> NDArray[np.int64]:
        """Rows of the population, one account per organization: what one customer's accounts share proves nothing."""
        organization = self.members.population.organization[self.accounts]
        alone = organization < 0
        named = np.where(alone, -1 - np.arange(len(organization)), organization)
        first = np.sort(np.unique(named, return_index=True)[1])
        return self.accounts[first]

    @property
    def besides(self) -> NDArray[np.int64]:
        """What each account sent besides the campaign, int64 (n_accounts,)."""
        sent: NDArray[np.int64] = self.members.population.n_prompts[self.accounts] - self.counts
        return sent

    @cached_property
    def strata(self) -> NDArray[np.int64]:
        """Wording and language of each prompt as 0..s-1, int64 (n,): what is compared like with like."""
        spoken = self.members.languages[self.members.texts[self.rows]].astype(np.int64) + 1
        found = np.unique(self.members.families[self.rows] * 256 + spoken, return_inverse=True)[1]
        strata: NDArray[np.int64] = found.astype(np.int64)
        return strata


def cases(members: Members, campaign_of_family: NDArray[np.int64]) -> list[Case]:
    """The campaigns of the day, by their lead family."""
    if not len(members.families):
        return []
    of_prompt = campaign_of_family[members.families]
    order = np.argsort(of_prompt, kind="stable")
    leads, starts = np.unique(of_prompt[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    return [
        Case(members, lead, np.flatnonzero(campaign_of_family == lead), order[start:end])
        for lead, start, end in zip(leads.tolist(), starts.tolist(), ends.tolist(), strict=True)
    ]
