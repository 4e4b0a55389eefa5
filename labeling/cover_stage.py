"""The cover stage: wordings whose template finds too few of their own prompts get a cover, if one is sound.

Covers are learnt and measured on the day's own traffic, like matchers (`labeling.collisions`), and refused by the same
limits. Beyond these, prompts of other campaigns count as strangers, and a cover has to find at least half of what the
template misses: words say less than a template, and a little more of the same family is not worth them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from campaigns import files
from campaigns.collisions import upper_bound
from campaigns.covers import TABLE, UNIT
from campaigns.records import COVERS, MatcherState
from campaigns.runs import Counts, Run
from campaigns.settings import LabelSettings, Settings
from labeling.cover_words import cover_words
from labeling.covers import Held, Learnt, Traffic, learn, threshold
from labeling.slices import slices
from labeling.sought import matchers_of, screen_of, words_of
from labeling.template import template_from_json

FEWEST_TEXTS: Final = 15
"""Texts of a family below which halves of it tell too little of each other. With ten, one cover of 39 that were tried
on 138,000 prompts of no family met a stranger among them; with fifteen none of 36 did."""
_MOST_OTHERS = 10


def cover(run: Run, settings: Settings) -> Counts:
    """Read families, their templates and matchers, wordings and prompts; write `covers.parquet`."""
    members = pl.DataFrame(run.table("family_members", ["text_key", "family"])).sort("family", "text_key")
    wordings = run.table("wordings", ["family", "lead"])
    leads = np.zeros(wordings.num_rows, np.int32)
    leads[wordings["family"].to_numpy()] = wordings["lead"].to_numpy()
    found = _found_by_template(run, members)
    families = np.flatnonzero(found < settings.label.cover_below).tolist()
    learnt: list[Learnt] = []
    words = np.empty(0, np.uint64)
    if families:
        traffic = read_traffic(run, members, families)
        learnt, words = learn(traffic, families), traffic.words
    rows = [
        _judged(family, float(found[family]), one, words, leads, settings.label)
        for family, one in zip(families, learnt, strict=True)
    ]
    table = pa.Table.from_pylist(rows, COVERS)
    files.write_parquet(run.path / f"{TABLE}.parquet", table)
    usable = pc.sum(pc.equal(table["state"], MatcherState.USABLE.value)).as_py() or 0
    return {"n_reworded": len(families), "n_usable_covers": usable}


def read_traffic(run: Run, members: pl.DataFrame, families: Sequence[int]) -> Traffic:
    """The prompts of a run by the words of the members of `families`, part by part.

    Args:
        members: columns text_key, family.
    """
    wanted = members.filter(pl.col("family").is_in(list(families)))["text_key"].to_arrow()
    known = [cover_words(words_of(piece["prompt"]))[1] for piece in slices(run.texts_of(wanted))]
    words, texts_with = np.unique(np.concatenate([np.empty(0, np.uint64), *known]), return_counts=True)
    words = words[texts_with > 1]
    parts = [_Part.read(table, members, words) for table in _parts(run)]
    names = pl.concat([part.accounts for part in parts]).unique().sort()
    accounts = [names.search_sorted(part.accounts).to_numpy().astype(np.int64) for part in parts]
    first = np.cumsum([0, *(len(part.family) for part in parts)])
    rows = [part.rows + start for part, start in zip(parts, first[:-1], strict=True)]
    sender, row = np.concatenate(accounts), np.concatenate(rows)
    order = np.lexsort((row, sender))
    return Traffic(
        np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.indptr) for part in parts]))]).astype(
            np.int64
        ),
        np.concatenate([part.columns for part in parts]),
        words,
        np.concatenate([part.family for part in parts]),
        np.concatenate([part.prompts for part in parts]),
        sender[order],
        row[order],
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of the prompts: its distinct texts in the order of their keys, and who sent each."""

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    family: NDArray[np.int32]
    prompts: NDArray[np.int64]
    accounts: pl.Series
    rows: NDArray[np.int64]

    @classmethod
    def read(cls, table: pa.Table, members: pl.DataFrame, words: NDArray[np.uint64]) -> _Part:
        prompts = pl.DataFrame(table)
        texts = prompts.group_by("text_key").agg(pl.first("prompt"), pl.len().cast(pl.Int64).alias("prompts"))
        texts = texts.join(members, on="text_key", how="left").sort("text_key").with_row_index("row")
        sent = (
            prompts.select("text_key", "account_id")
            .unique()
            .join(texts.select("text_key", "row"), on="text_key")
        )
        sent = sent.sort("account_id", "row")
        sizes, columns = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
        for piece in slices(texts.select("prompt").to_arrow()):
            indptr, found = cover_words(words_of(piece["prompt"]))
            at = np.minimum(np.searchsorted(words, found), max(len(words) - 1, 0))
            known = words[at] == found if len(words) else np.zeros(len(found), np.bool_)
            before = np.concatenate([[0], np.cumsum(known)])
            sizes.append(np.diff(before[indptr]))
            columns.append(at[known].astype(np.int32))
        return cls(
            np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64),
            np.concatenate(columns),
            texts["family"].fill_null(-1).to_numpy().astype(np.int32),
            texts["prompts"].to_numpy(),
            sent["account_id"],
            sent["row"].to_numpy().astype(np.int64),
        )


def _parts(run: Run) -> Iterator[pa.Table]:
    for part in run.prompt_parts():
        yield files.read_parquet(part, ["text_key", "account_id", "prompt"])


def _found_by_template(run: Run, members: pl.DataFrame) -> NDArray[np.float64]:
    """float64 by family: part of its distinct texts that its template finds the way other traffic meets it."""
    matchers = run.table("matchers").sort_by("family")
    templates = (
        run.table("labels", ["family", "template_json"]).sort_by("family")["template_json"].to_pylist()
    )
    screen = screen_of(matchers_of([template_from_json(template) for template in templates]))
    usable = pc.equal(matchers["state"], MatcherState.USABLE.value).to_numpy(zero_copy_only=False)
    anywhere = matchers["anywhere"].to_numpy(zero_copy_only=False)
    texts = (
        pl.DataFrame(run.texts_of(members["text_key"].to_arrow()))
        .join(members, on="text_key")
        .sort("text_key")
    )
    own = texts["family"].to_numpy()
    found = np.zeros(len(own), np.bool_)
    start = 0
    for piece in slices(texts.select("prompt").to_arrow()):
        hits = screen.hits(words_of(piece["prompt"]))
        mine = hits.matchers == own[start + hits.texts]
        counts = mine & usable[hits.matchers] & (hits.whole | anywhere[hits.matchers])
        found[start + hits.texts[counts]] = True
        start += piece.num_rows
    sizes = np.bincount(own, minlength=len(templates))
    share: NDArray[np.float64] = np.bincount(own, weights=found, minlength=len(templates)) / np.maximum(
        sizes, 1
    )
    return share


def _judged(
    family: int,
    by_template: float,
    learnt: Learnt,
    words: NDArray[np.uint64],
    leads: NDArray[np.int32],
    settings: LabelSettings,
) -> dict[str, object]:
    """A row of COVERS."""
    held = learnt.held
    tested = len(held.own) >= FEWEST_TEXTS and upper_bound(0, held.n_organic) <= settings.matcher_collisions
    least = threshold(held, settings.cover_collisions) if tested else 0
    reached = held.own >= least if tested else np.zeros(len(held.own), np.bool_)
    strangers = int((held.organic >= least).sum()) if tested else 0
    bound = upper_bound(strangers, held.n_organic)
    of, evidence = held.others
    foreign = (evidence >= least) & (leads[of] != leads[family]) & tested
    others, counts = np.unique(of[foreign], return_counts=True)
    most = np.lexsort((others, -counts))[:_MOST_OTHERS]
    figures = _Figures(by_template, least, int(reached.sum()), strangers, int(foreign.sum()), bound)
    state, reason = _verdict(held, figures, settings)
    return {
        "family": family,
        "state": state.value,
        "reason": reason,
        "words": words[learnt.columns],
        "weights": learnt.weights,
        "least": least,
        "typical": int(np.median(held.own)) if len(held.own) else 0,
        "by_template": by_template,
        "held_out": float(reached.mean()) if len(reached) else 0.0,
        "organic_most": int(held.organic[0]) if len(held.organic) else 0,
        "organic_matches": strangers,
        "organic_prompts": held.n_organic,
        "collision_bound": bound,
        "other_families": others[most].tolist(),
        "other_matches": counts[most].tolist(),
    }


@dataclass(frozen=True, slots=True)
class _Figures:
    """Held-out texts of its own that reach `least`, prompts of no family that do, and those of other campaigns."""

    by_template: float
    least: int
    own: int
    strangers: int
    foreign: int
    bound: float


def _verdict(held: Held, found: _Figures, settings: LabelSettings) -> tuple[MatcherState, str]:
    n, strangers = len(held.own), max(found.strangers, found.foreign)
    if n < FEWEST_TEXTS:
        return (
            MatcherState.UNTESTED,
            f"{n} different prompts; {FEWEST_TEXTS} are needed to hold half of them out",
        )
    if upper_bound(0, held.n_organic) > settings.matcher_collisions:
        return MatcherState.UNTESTED, f"{held.n_organic} prompts outside families, too few to bound the rate"
    asked = f"{found.own / n:.0%} of its prompts reach {found.least / UNIT:.1f} nats when held out"
    met = f"{found.strangers} of {held.n_organic} prompts outside families do"
    needed = max(settings.matcher_accepted, (1 + found.by_template) / 2)
    if found.own < needed * n:
        return (
            MatcherState.MEMBERS_LOST,
            f"{asked}, its template finds {found.by_template:.0%}; {needed:.0%} are needed",
        )
    if found.bound > settings.matcher_collisions:
        limit = f"{settings.matcher_collisions:g}"
        return MatcherState.COLLIDES, f"{met}, a rate of up to {found.bound:.2g}; the limit is {limit}"
    if strangers > settings.matcher_strangers * (strangers + found.own):
        return (
            MatcherState.COLLIDES,
            f"{met} and {found.foreign} of other campaigns, and {found.own} of its own",
        )
    return MatcherState.USABLE, f"{asked}; {met}, the most of them {int(held.organic[0]) / UNIT:.1f}"
