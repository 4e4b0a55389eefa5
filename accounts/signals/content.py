"""Content: how much of a prompt is slot, and does anybody repeat what others sent?

What is copied (a viral prompt, a question of a course) is sent as it is, or with a word changed: nothing is put into
it. A harvest puts something new into nearly every prompt, because a known answer is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq
from scipy.stats import poisson

from accounts.signals.reading import Group, Reading

TEMPLATE_SHARE = 0.5
"""Words that more of a wording's texts hold are its template."""


@dataclass(frozen=True, slots=True)
class Slots:
    """What the prompts of a campaign put into its template.

    Attributes:
        uniqueness: distinct texts per prompt.
        copied: part of the prompts whose exact text another account sent too.
        bare: part of the prompts that hold nothing but words of the template.
        words: median number of words besides the template.
        novelty: median part of a prompt's words besides the template.
        most: accounts that sent the commonest text.
        p_dealt: that a list dealt out evenly would repeat one of its texts as often as the commonest; small means that
            people copy one text.
    """

    uniqueness: float
    copied: float
    bare: float
    words: float
    novelty: float
    p_dealt: float
    most: int


def slots(
    accounts: NDArray[np.int64],
    texts: NDArray[np.int64],
    own_words: NDArray[np.int64],
    all_words: NDArray[np.int64],
) -> Slots:
    """
    Args:
        accounts, texts: int64 (n,), sender and text of each prompt.
        own_words, all_words: int64 (n,), distinct words of each prompt besides the template, and all of them.
    """
    once = np.unique(np.column_stack([accounts, texts]), axis=0)
    _, at, senders = np.unique(once[:, 1], return_inverse=True, return_counts=True)
    return Slots(
        uniqueness=len(np.unique(texts)) / len(texts),
        copied=float((senders[at] > 1).mean()),
        bare=float((own_words == 0).mean()),
        words=float(np.median(own_words)),
        novelty=float(np.median(own_words / np.maximum(all_words, 1))),
        p_dealt=_p_dealt(len(once), senders),
        most=int(senders.max()),
    )


def read_content(found: Slots) -> list[Reading]:
    """Figures about the slots; described, not tested."""

    def described(signal: str, value: float, sentence: str) -> Reading:
        return Reading(signal, Group.CONTENT, value, np.empty(0), np.nan, sentence)

    return [
        described(
            "template rigidity",
            1 - found.novelty,
            f"the template makes up {1 - found.novelty:.0%} of a prompt's words",
        ),
        described(
            "slot uniqueness",
            found.uniqueness,
            f"{found.uniqueness:.0%} of the prompts are texts of their own; {found.copied:.0%} repeat what another "
            "account sent word for word",
        ),
        described(
            "bare prompts", found.bare, f"{found.bare:.0%} of the prompts put nothing into the template"
        ),
        Reading(
            "slot partition",
            Group.CONTENT,
            found.copied,
            np.empty(0),
            found.p_dealt,
            f"{found.most} accounts sent the commonest text; a list that is dealt out evenly would repeat one so often "
            f"in {100 * found.p_dealt:.3g} of 100 cases",
        ),
    ]


def own_words(words: sparse.csr_matrix, wordings: NDArray[np.int64]) -> sparse.csr_matrix:
    """The words of each text besides its wording's template, 0/1 CSR like `words`.

    Args:
        words: 0/1 CSR (t, n_words).
        wordings: int64 (t,).
    """
    kept = words.tocsr().copy()
    of_row = np.repeat(np.arange(kept.shape[0]), np.diff(kept.indptr))
    for wording in np.unique(wordings):
        rows = np.flatnonzero(wordings == wording)
        if len(rows) > 1:
            common = np.asarray(words[rows].mean(axis=0)).ravel() > TEMPLATE_SHARE
            inside = (wordings == wording)[of_row]
            kept.data[inside & common[kept.indices]] = 0.0
    kept.eliminate_zeros()
    return kept


def _p_dealt(n: int, senders: NDArray[np.int64]) -> float:
    """A list of M texts dealt n times shows M (1 - exp(-n / M)) of them; each n / M times, as Poisson counts."""
    most = int(senders.max(initial=1))
    if most == 1:
        return 1.0
    distinct = len(senders)
    # The largest list is that of a single repetition, n * n / 2 long.
    size = max(float(brentq(lambda m: m * -np.expm1(-n / m) - distinct, 1e-2, float(n) * n)), 1.0)
    return float(-np.expm1(size * np.log1p(-poisson.sf(most - 1, n / size))))
