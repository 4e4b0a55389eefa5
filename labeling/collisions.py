"""Whether a template may be used to find more prompts: what its matcher accepts outside the family.

It is measured on the traffic of the day it was found on: on prompts of no family, where every match is a stranger, and
on members of other families, which tell of fragments and variants of one template. Whom it meets on later days, beside
all other known matchers, is counted by `labeling.nightly`; the rule is the same (`campaigns.collisions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from campaigns.collisions import Limits, Met, verdict
from campaigns.records import MATCHERS, MatcherState, Template
from campaigns.runs import Run
from campaigns.settings import LabelSettings
from campaigns.tokens import Kind, tokenize
from labeling.matcher import Matcher
from labeling.template import is_template
from labeling.tried import tried

_MOST_OTHERS = 10
"""Other families named per matcher, those with the most matches."""


@dataclass(frozen=True, slots=True)
class Collisions:
    """What the matchers of a run accept outside their own families.

    Attributes:
        prompts, accounts: int64 (n,), prompts of no family that match, and their distinct accounts.
        inside: int64 (n,), prompts of the family itself that match.
        anywhere, anywhere_accounts: int64 (n,), prompts of no family that match if other text may stand before and
            after, and if a quorum of the words is enough, and their distinct accounts.
        of_prompts: all prompts of no family.
        read: all prompts of the run.
        others: per matcher (family, prompts) of other families that match, most prompts first, at most ten.
    """

    prompts: NDArray[np.int64]
    accounts: NDArray[np.int64]
    inside: NDArray[np.int64]
    anywhere: NDArray[np.int64]
    anywhere_accounts: NDArray[np.int64]
    of_prompts: int
    read: int
    others: list[list[tuple[int, int]]]

    def met(self, k: int) -> Met:
        return Met(
            prompts=self.of_prompts,
            matches=int(self.prompts[k]),
            accounts=int(self.accounts[k]),
            loose_matches=int(self.anywhere[k]),
            loose_accounts=int(self.anywhere_accounts[k]),
            own=int(self.inside[k]),
        )


def judge(
    families: Sequence[int], templates: Sequence[Template], found: Collisions, settings: LabelSettings
) -> pa.Table:
    """Table of schema `MATCHERS`: which templates may be matched, and the figures that say so."""
    limits = Limits.of_a_day(settings)
    rows = []
    for k, (family, template) in enumerate(zip(families, templates, strict=True)):
        met = found.met(k)
        state, reason = unfit(template, settings) or verdict(met, limits)
        loosely, _ = verdict(met, limits, loose=True)
        rows.append(
            {
                "family": family,
                "state": state.value,
                "reason": reason,
                "anywhere": state is loosely is MatcherState.USABLE,
                "is_template": is_template(template, found.read),
                "saved_bits": template.saved_bits,
                "accepted": template.accepted,
                "words": constant_words(template),
                "organic_matches": met.matches,
                "organic_accounts": met.accounts,
                "organic_prompts": met.prompts,
                "collision_bound": met.bound(),
                "other_families": [family for family, _ in found.others[k]],
                "other_matches": [count for _, count in found.others[k]],
            }
        )
    return pa.Table.from_pylist(rows, MATCHERS)


def collisions(
    run: Run, members: pa.Table, families: Sequence[int], matchers: Sequence[Matcher]
) -> Collisions:
    """Count what each matcher accepts in the prompts of a run.

    Args:
        members: columns text_key and family; texts of no family are organic.
        families: the family of each matcher.
        matchers: of `labeling.sought`, as other traffic meets them.
    """
    found = tried(run, members, matchers, np.arange(len(families)))
    own = pl.DataFrame(
        {"owner": np.arange(len(families)), "own": np.asarray(families, np.int32)},
        schema={"owner": pl.Int64, "own": pl.Int32},
    )
    hits = found.hits.join(own, on="owner")
    strangers = hits.filter(pl.col("family").is_null())
    whole = hits.filter("whole")
    inside = whole.filter(pl.col("family") == pl.col("own"))
    outside = whole.filter(pl.col("family").is_null())
    others = (
        whole.filter(pl.col("family") != pl.col("own"))
        .group_by("owner", "family")
        .agg(pl.col("prompts").sum())
        .sort("owner", "prompts", "family", descending=[False, True, False])
    )
    named: list[list[tuple[int, int]]] = [[] for _ in families]
    for matcher, family, count in others.iter_rows():
        if len(named[matcher]) < _MOST_OTHERS:
            named[matcher].append((family, count))
    return Collisions(
        _sums(outside, len(families), pl.col("prompts").sum()),
        _sums(outside, len(families), pl.col("account_id").n_unique()),
        _sums(inside, len(families), pl.col("prompts").sum()),
        _sums(strangers, len(families), pl.col("prompts").sum()),
        _sums(strangers, len(families), pl.col("account_id").n_unique()),
        found.organic,
        found.read,
        named,
    )


def constant_words(template: Template) -> float:
    """Words in the constants; a character of a script written without spaces counts as half of one."""
    kinds = tokenize([part for part in template.parts if isinstance(part, str)]).kinds
    return float((kinds == Kind.WORD).sum() + 0.5 * (kinds == Kind.IDEOGRAPH).sum())


def _sums(hits: pl.DataFrame, n: int, figure: pl.Expr) -> NDArray[np.int64]:
    counts = hits.group_by("owner").agg(figure.alias("figure"))
    out = np.zeros(n, np.int64)
    out[counts["owner"].to_numpy()] = counts["figure"].to_numpy()
    return out


def unfit(template: Template, settings: LabelSettings) -> tuple[MatcherState, str] | None:
    """What speaks against a template whatever its matcher meets."""
    words = constant_words(template)
    if words < settings.matcher_words:
        return (
            MatcherState.TOO_SHORT,
            f"{words:g} words of constant text; {settings.matcher_words} are needed",
        )
    if template.accepted < settings.matcher_accepted:
        needed = f"{settings.matcher_accepted:.0%} are needed"
        return MatcherState.MEMBERS_LOST, f"accepts {template.accepted:.0%} of the family's prompts; {needed}"
    return None
