"""The detection floor: below what size a campaign cannot have been seen. Silence about smaller ones means nothing."""

from __future__ import annotations

import math
from typing import Any

from campaigns.runs import Run
from campaigns.settings import Settings


def detection_floor(run: Run, settings: Settings) -> dict[str, Any]:
    """The smallest family that a run looked for, and the smallest campaign of all traffic that is, on average.

    A family of the sample needs `min_prompts` prompts from `minimum_accounts` accounts. At a sampling rate r that
    many prompts are left of 1/r times as many, and fewer if its accounts send several each: then some are seen twice.
    """
    counts = {record.name: record.counts for record in run.records()}["scaffold"]
    prompts = int(counts["prompts"])
    family, rate = settings.family, settings.sample_rate
    by_phrases = max(int(counts["minimum_accounts"]), family.min_accounts)
    by_words = max(settings.scaffold.window_accounts, family.grow_accounts, family.min_accounts)
    accounts = min(by_phrases, by_words)
    fewest = family.min_prompts
    of_all = math.ceil(round(max(fewest, accounts) / rate, 6))
    sentence = (
        f"Among {prompts:,} prompts, families of fewer than {accounts} accounts or {fewest} prompts "
        f"are not looked for, and below {by_phrases} accounts only the words of beginnings and ends tell."
    )
    if rate < 1:
        sentence += (
            f" They are {rate:.3%} of all, so the smallest campaign that could be seen sends about "
            f"{of_all:,} prompts a day from {accounts} accounts or more."
        )
    return {
        "prompts": prompts,
        "minimum_accounts": accounts,
        "phrase_accounts": by_phrases,
        "min_prompts": fewest,
        "sample_rate": rate,
        "all_prompts": of_all,
        "all_accounts": accounts,
        "sentence": sentence,
    }
