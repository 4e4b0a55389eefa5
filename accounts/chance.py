"""How many accounts two families share by chance.

An account that sends much meets many families. The null gives each account a place in a family with a probability that
grows with what it sends, and the family as many accounts as it has: not as many prompts, for an account that comes
back to a template says nothing about who else does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq


class Chance:
    """The accounts of a day by how much they send."""

    def __init__(self, activity: NDArray[np.int64]) -> None:
        """
        Args:
            activity: int64 (n,), prompts of each account.
        """
        self._volumes, self._n_accounts = np.unique(activity, return_counts=True)
        self._rates: dict[int, float] = {}

    def rate(self, n_accounts: int) -> float:
        """Chance of one prompt to fall on a family, such that `n_accounts` accounts are expected in it."""
        if n_accounts not in self._rates:
            self._rates[n_accounts] = self._solved(n_accounts)
        return self._rates[n_accounts]

    def _solved(self, n_accounts: int) -> float:
        most = int(self._n_accounts[self._volumes > 0].sum())
        # A family of everybody would need an endless rate; half an account less tells it from none as well.
        wanted = min(float(n_accounts), most - 0.5)

        def missing(rate: float) -> float:
            return float((self._n_accounts * -np.expm1(-self._volumes * rate)).sum()) - wanted

        ceiling = 1.0
        while missing(ceiling) < 0:
            ceiling *= 2
        return float(brentq(missing, 0.0, ceiling, xtol=1e-15))

    def shared(self, activity: NDArray[np.int64], rate_of_other: float) -> float:
        """Accounts of one family that are expected in another one.

        Of an account's prompts one must be in its own family; all others count. Whether further ones there came on top
        of the rest or instead of it is not known, and innocents must not look the stranger for it.

        Args:
            activity: int64 (n_accounts,), prompts of each account of the family.
            rate_of_other: `rate` of the other family.
        """
        return float(-np.expm1(-(activity - 1) * rate_of_other).sum())
