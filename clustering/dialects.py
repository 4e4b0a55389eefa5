"""What is common in a language: accounts of each feature among the texts of that language alone.

In traffic that is nine tenths English every common word of a Finnish prompt is far commoner among Finnish prompts than
elsewhere, and a genre of Finnish prompts would look like a template. So the rest of the traffic that a group is
measured against is also the rest in its own language.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clustering.cores import feature_accounts
from clustering.groups import Dialects, FeatureSets
from clustering.senders import Pairs


def with_dialects(sets: FeatureSets, pairs: Pairs, languages: NDArray[np.int8]) -> FeatureSets:
    """The same sets, knowing how many accounts send each feature in each language.

    Args:
        languages: int8 (n_texts,), -1 for unknown, which counts as a language of its own.
    """
    n_languages = int(languages.max(initial=-1)) + 2  # -1 reads the last row
    totals = np.zeros((n_languages, len(sets.features)), np.float32)
    everyone = np.zeros(n_languages, np.int64)
    for language in np.unique(languages).tolist():
        mine = languages[pairs.texts] == language
        spoken = Pairs(pairs.accounts[mine], pairs.texts[mine], pairs.prompts[mine])
        totals[language] = feature_accounts(sets, spoken)
        everyone[language] = spoken.everyone
    return replace(sets, dialects=Dialects(languages, totals, everyone))
