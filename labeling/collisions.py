"""Whether a template may be used to find more prompts: what its matcher accepts outside the family.

A matcher is a rule that names accounts. It is measured on the day's own traffic: on prompts of no family, where every
match is a stranger, and on members of other families, which tell of fragments and variants of one template. Prompts
are read slice by slice; each slice is tokenised once for all matchers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import betaincinv

from campaigns import files
from campaigns.records import MATCHERS, MatcherState, Template
from campaigns.runs import Run
from campaigns.settings import LabelSettings
from campaigns.tokens import Kind, tokenize
from labeling.matcher import Matcher
from labeling.screen import Screen
from labeling.sought import screen_of, words_of
from labeling.template import is_template

CONFIDENCE: Final = 0.95
"""Of the upper bound of a collision rate."""

_SLICE_BYTES = 16 << 20
"""Text that is tokenised at a time; tokens take some ten times its room."""

_MOST_OTHERS = 10
"""Other families named per matcher, those with the most matches."""


@dataclass(frozen=True, slots=True)
class Collisions:
    """What the matchers of a run accept outside their own families.

    Attributes:
        prompts, accounts: int64 (n,), prompts of no family that match, and their distinct accounts.
        inside: int64 (n,), prompts of the family itself that match.
        anywhere: int64 (n,), prompts of no family that match if other text may stand before and after, and if a
            quorum of the words is enough.
        of_prompts: all prompts of no family.
        read: all prompts of the run.
        others: per matcher (family, prompts) of other families that match, most prompts first, at most ten.
    """

    prompts: NDArray[np.int64]
    accounts: NDArray[np.int64]
    inside: NDArray[np.int64]
    anywhere: NDArray[np.int64]
    of_prompts: int
    read: int
    others: list[list[tuple[int, int]]]


def judge(
    families: Sequence[int], templates: Sequence[Template], found: Collisions, settings: LabelSettings
) -> pa.Table:
    """Table of schema `MATCHERS`: which templates may be matched, and the figures that say so."""
    rows = []
    for k, (family, template) in enumerate(zip(families, templates, strict=True)):
        bound = upper_bound(int(found.prompts[k]), found.of_prompts)
        state, reason = _verdict(template, k, found, bound, settings)
        loose = upper_bound(int(found.anywhere[k]), found.of_prompts)
        rows.append(
            {
                "family": family,
                "state": state.value,
                "reason": reason,
                "anywhere": state is MatcherState.USABLE
                and not _too_often(int(found.anywhere[k]), int(found.inside[k]), loose, settings),
                "is_template": is_template(template, found.read),
                "saved_bits": template.saved_bits,
                "accepted": template.accepted,
                "words": constant_words(template),
                "organic_matches": int(found.prompts[k]),
                "organic_accounts": int(found.accounts[k]),
                "organic_prompts": found.of_prompts,
                "collision_bound": bound,
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
    screen = screen_of(matchers)
    of_text = pl.DataFrame(members.select(["text_key", "family"]))
    matched: list[pl.DataFrame] = []
    of_prompts = read = 0
    for part in run.prompt_parts():
        table = files.read_parquet(part, ["text_key", "account_id", "prompt"])
        for piece in _slices(table):
            rows = pl.DataFrame(piece).join(of_text, on="text_key", how="left")
            read += rows.height
            of_prompts += rows["family"].null_count()
            matched.append(_matched(rows, screen))
    hits = pl.concat(matched) if matched else pl.DataFrame(schema=_HITS)
    own = pl.DataFrame(
        {"matcher": np.arange(len(families)), "own": np.asarray(families, np.int32)},
        schema={"matcher": pl.Int64, "own": pl.Int32},
    )
    hits = hits.join(own, on="matcher")
    strangers = hits.filter(pl.col("family").is_null())
    whole = hits.filter("whole")
    inside = whole.filter(pl.col("family") == pl.col("own"))
    outside = whole.filter(pl.col("family").is_null())
    others = (
        whole.filter(pl.col("family") != pl.col("own"))
        .group_by("matcher", "family")
        .agg(pl.col("prompts").sum())
        .sort("matcher", "prompts", "family", descending=[False, True, False])
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
        of_prompts,
        read,
        named,
    )


def upper_bound(count: int, of: int) -> float:
    """One-sided upper bound of a rate, at `CONFIDENCE`, from `count` events in `of` (Clopper and Pearson, 1934).

    Without an event it is 1 - 0.05^(1/n), about 3 / n: fewer than 3,000 prompts cannot show a rate below one in a
    thousand.
    """
    if count >= of:
        return 1.0
    return float(betaincinv(count + 1, of - count, CONFIDENCE))


def constant_words(template: Template) -> float:
    """Words in the constants; a character of a script written without spaces counts as half of one."""
    kinds = tokenize([part for part in template.parts if isinstance(part, str)]).kinds
    return float((kinds == Kind.WORD).sum() + 0.5 * (kinds == Kind.IDEOGRAPH).sum())


_HITS: Final = {
    "matcher": pl.Int64,
    "whole": pl.Boolean,
    "family": pl.Int32,
    "account_id": pl.String,
    "prompts": pl.UInt32,
}


def _slices(table: pa.Table) -> Iterator[pa.Table]:
    """The rows in order, about `_SLICE_BYTES` of prompts at a time."""
    sizes = pc.binary_length(table["prompt"]).to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(np.cumsum(sizes) // _SLICE_BYTES, prepend=-1))
    for start, end in pairwise([*starts.tolist(), table.num_rows]):
        yield table.slice(start, end - start)


def _matched(rows: pl.DataFrame, screen: Screen) -> pl.DataFrame:
    """Columns of `_HITS`: what the matchers accept in some rows, prompts counted by account."""
    distinct = rows.unique("text_key", keep="first", maintain_order=True).with_row_index("text")
    hits = screen.hits(words_of(distinct["prompt"].to_arrow()))
    pairs = pl.DataFrame(
        {"text": hits.texts.astype(np.uint32), "matcher": hits.matchers, "whole": hits.whole}
    ).join(distinct.select("text", "text_key"), on="text")
    return (
        pairs.join(rows.select("text_key", "family", "account_id"), on="text_key")
        .group_by("matcher", "whole", "family", "account_id")
        .agg(pl.len().alias("prompts"))
        .select(pl.col(name).cast(kind) for name, kind in _HITS.items())
    )


def _sums(hits: pl.DataFrame, n: int, figure: pl.Expr) -> NDArray[np.int64]:
    counts = hits.group_by("matcher").agg(figure.alias("figure"))
    out = np.zeros(n, np.int64)
    out[counts["matcher"].to_numpy()] = counts["figure"].to_numpy()
    return out


def _verdict(
    template: Template, k: int, found: Collisions, bound: float, settings: LabelSettings
) -> tuple[MatcherState, str]:
    words = constant_words(template)
    matches, inside = int(found.prompts[k]), int(found.inside[k])
    measured = (
        f"{matches} of {found.of_prompts} prompts outside families match ({found.accounts[k]} accounts)"
    )
    limit = f"the limit is {_percent(settings.matcher_collisions)}"
    if words < settings.matcher_words:
        return (
            MatcherState.TOO_SHORT,
            f"{words:g} words of constant text; {settings.matcher_words} are needed",
        )
    if template.accepted < settings.matcher_accepted:
        needed = f"{settings.matcher_accepted:.0%} are needed"
        return MatcherState.MEMBERS_LOST, f"accepts {template.accepted:.0%} of the family's prompts; {needed}"
    if upper_bound(0, found.of_prompts) > settings.matcher_collisions:
        return MatcherState.UNTESTED, f"{measured}, too few to bound the rate; {limit}"
    if bound > settings.matcher_collisions:
        return MatcherState.COLLIDES, f"{measured}, a rate of up to {_percent(bound)}; {limit}"
    if _too_often(matches, inside, bound, settings):
        share = f"{matches / (matches + inside):.0%} of all it matches; the limit is"
        return MatcherState.COLLIDES, f"{measured}, {share} {settings.matcher_strangers:.0%}"
    return MatcherState.USABLE, f"{measured}, a rate of at most {_percent(bound)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


def _too_often(matches: int, inside: int, bound: float, settings: LabelSettings) -> bool:
    strangers = matches / max(matches + inside, 1)
    return bound > settings.matcher_collisions or strangers > settings.matcher_strangers
