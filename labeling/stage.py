"""The label stage: every family of a run gets its template, objective, keyphrases, title and examples.

Then its template is tried on the rest of the traffic, and what members put into the slots is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from campaigns import files
from campaigns.function_words import function_word_codes
from campaigns.records import LABELS, SLOT_VALUES, MatcherState, Objective, Template
from campaigns.runs import Counts, Run
from campaigns.settings import LabelSettings, Settings
from campaigns.tokens import Kind, tokenize
from labeling.background import background
from labeling.collisions import collisions, judge
from labeling.describe import Size, describe, display, exemplars, scripts_of
from labeling.keyphrases import keyphrases
from labeling.prototypes import prototypes
from labeling.second_opinion import second_opinion
from labeling.slot_values import Sent, slot_values
from labeling.sought import matchers_of
from labeling.taxonomy import Verdict, cue_scores, objective
from labeling.template import align, is_template, template_from_json, template_to_json

Encode = Callable[[Sequence[str]], NDArray[np.floating]]
"""Texts to vectors (n, d), one row each."""

_READ, _READ_CHARACTERS = 40, 2_000
"""Members of a family, and how much of each, that are read for keyphrases."""

_ASKED = 10
"""Of these, those that are asked for the objective of a family without words in common."""

_ENCODED_CHARACTERS = 600
"""What a template asks for is said in its first sentences."""

_FEW_LETTERS = 12
"""Constants with fewer letters, function words left out, say nothing about an objective."""

_LETTERS_PER_IDEOGRAPH = 3
"""Two characters of an unspaced script make a word."""


def label(run: Run, settings: Settings, encode: Encode) -> Counts:
    """Read `family_members`, `texts` and the prompts of a run.

    Writes `labels`, `matchers` and `slot_values.parquet`, and `directions.npy`: float16 (n_families, d), of length 1,
    what each family asks for as the encoder sees it; zeros where it sees nothing.
    """
    members = run.table("family_members").sort_by([("family", "ascending"), ("text_key", "ascending")])
    keys = members["text_key"].combine_chunks()
    weights = run.texts(["text_key", "n_prompts"])
    members = members.append_column("prompt", _looked_up(keys, run.texts_of(keys), "prompt"))
    members = members.append_column("n_prompts", _looked_up(keys, weights, "n_prompts"))
    sent = _sent(run, members)
    labels, directions = label_families(
        members,
        _accounts_per_family(sent),
        settings.label,
        encode,
        of_prompts=sum(pq.read_metadata(part).num_rows for part in run.prompt_parts()),
        others=background(run, keys, weights["text_key"].combine_chunks()),
    )
    templates = [template_from_json(one) for one in labels["template_json"].to_pylist()]
    families = labels["family"].to_pylist()
    found = collisions(run, members, families, matchers_of(templates))
    matchers = judge(families, templates, found, settings.label)
    values = _slot_values(members, templates, sent, settings.label)
    labels, opinions = second_opinion(labels, members, settings)
    files.write_parquet(run.path / "labels.parquet", labels)
    files.write_parquet(run.path / "matchers.parquet", matchers)
    files.write_parquet(run.path / "slot_values.parquet", values)
    files.write_array(run.path / "directions.npy", directions.astype(np.float16))
    return {
        "n_families": labels.num_rows,
        "n_unclear": pc.sum(pc.equal(labels["objective"], Objective.UNCLEAR.value)).as_py() or 0,
        "n_usable_matchers": pc.sum(pc.equal(matchers["state"], MatcherState.USABLE.value)).as_py() or 0,
        "n_slot_values": values.num_rows,
        **opinions,
    }


def label_families(
    members: pa.Table,
    n_accounts: dict[int, int],
    settings: LabelSettings,
    encode: Encode,
    *,
    of_prompts: int,
    others: Sequence[str] = (),
) -> tuple[pa.Table, NDArray[np.float32]]:
    """Label all families at once.

    Args:
        members: columns family, text_key, strength, prompt, n_prompts; sorted by family, then text_key.
        n_accounts: accounts of each family.
        encode: called once, with the prototypes and one text per family.
        of_prompts: prompts of the day.
        others: texts of no family.

    Returns:
        A table of schema `LABELS`, and what each family asks for: float32 (n_families, d), of length 1 or 0.
    """
    family = members["family"].to_numpy()
    names, starts = np.unique(family, return_index=True)
    if not len(names):
        return LABELS.empty_table(), np.empty((0, 0), np.float32)
    ends = np.append(starts[1:], len(family))
    spans = list(zip(starts.tolist(), ends.tolist(), strict=True))
    strengths = members["strength"].to_numpy()
    n_prompts = members["n_prompts"].to_numpy()
    prompts = members["prompt"].combine_chunks()

    templates: list[Template] = []
    read: list[list[str]] = []
    examples: list[NDArray[np.int64]] = []
    for start, end in spans:
        texts = prompts.slice(start, end - start).to_pylist()
        lengths = np.array([len(text) for text in texts])
        templates.append(align(texts, n_prompts[start:end], settings))
        examples.append(start + exemplars(strengths[start:end], lengths, settings.exemplars))
        read.append([texts[i][:_READ_CHARACTERS] for i in exemplars(strengths[start:end], lengths, _READ)])

    constants = [[part for part in template.parts if isinstance(part, str)] for template in templates]
    hold = [is_template(template, of_prompts) for template in templates]
    verdicts, directions = _objectives(
        [fixed if held else [] for fixed, held in zip(constants, hold, strict=True)], read, settings, encode
    )
    phrases = keyphrases(constants, read, settings.keyphrases, others)
    labels = [
        describe(
            template,
            verdict,
            Size(int(n_prompts[start:end].sum()), n_accounts[name]),
            family_phrases,
            scripts_of(fixed if _letters(fixed) >= _FEW_LETTERS else some),
            holds=held,
        )
        for name, (start, end), template, verdict, family_phrases, fixed, some, held in zip(
            names.tolist(), spans, templates, verdicts, phrases, constants, read, hold, strict=True
        )
    ]
    keys = members["text_key"].combine_chunks()
    table = pa.table(
        {
            "family": names,
            "template": [display(template) for template in templates],
            "template_json": [template_to_json(template) for template in templates],
            "title": [one.title for one in labels],
            "summary": [one.summary for one in labels],
            "objective": [one.objective.value for one in labels],
            "objective_confidence": [one.objective_confidence for one in labels],
            "keyphrases": [one.keyphrases for one in labels],
            "exemplars": [keys.take(pa.array(rows)).to_pylist() for rows in examples],
        },
        schema=LABELS,
    )
    return table, directions


def _objectives(
    constants: list[list[str]], read: list[list[str]], settings: LabelSettings, encode: Encode
) -> tuple[list[Verdict], NDArray[np.float32]]:
    """Per family a verdict and a direction, float32 (n, d) of length 1, from the constants of its template.

    Without constants that say something members are asked, for the direction the first of them.
    """
    known = prototypes()
    said = [" ".join(fixed) if _letters(fixed) >= _FEW_LETTERS else "" for fixed in constants]
    subjects = [(text or some[0])[:_ENCODED_CHARACTERS] for text, some in zip(said, read, strict=True)]
    vectors = np.asarray(encode([*known.sentences, *subjects]))
    n = len(known.sentences)
    nearness = known.nearness(vectors[n:], vectors[:n])
    asked = [[text] if text else some[:_ASKED] for text, some in zip(said, read, strict=True)]
    scores = np.split(
        cue_scores([text for of in asked for text in of]), np.cumsum([len(of) for of in asked])[:-1]
    )
    verdicts = [
        objective(near, cues.mean(axis=0), settings.objective_floor)
        for near, cues in zip(nearness, scores, strict=True)
    ]
    lengths = np.linalg.norm(vectors[n:], axis=1, keepdims=True)
    directions = np.divide(vectors[n:], lengths, out=np.zeros_like(vectors[n:]), where=lengths > 0)
    return verdicts, directions.astype(np.float32)


def _letters(constants: Sequence[str]) -> int:
    """Letters of the words that are no function words: "{text} the {text} of {text}" says nothing."""
    tokens = tokenize([constant[:_READ_CHARACTERS] for constant in constants])
    letters = tokens.lengths * np.select(
        [tokens.kinds == Kind.WORD, tokens.kinds == Kind.IDEOGRAPH], [1, _LETTERS_PER_IDEOGRAPH], 0
    )
    return int(letters[~np.isin(tokens.codes, function_word_codes())].sum())


def _looked_up(keys: pa.Array, table: pa.Table, column: str) -> pa.Array:
    """`column` of the row of `table` whose text_key equals each of `keys`."""
    found = pc.index_in(keys, value_set=table["text_key"].combine_chunks())
    return table[column].combine_chunks().take(found)


def _sent(run: Run, members: pa.Table) -> pl.DataFrame:
    """Who sent each member: columns row (of `members`), family, account (a number), prompts. Read part by part."""
    rows = pl.DataFrame(members.select(["text_key", "family"])).with_row_index("row")
    parts = [
        pl.DataFrame(files.read_parquet(part, ["text_key", "account_id"]))
        .join(rows, on="text_key")
        .group_by("row", "family", "account_id")
        .agg(pl.len().cast(pl.Int64).alias("prompts"))
        for part in run.prompt_parts()
    ]
    sent = pl.concat(parts).group_by("row", "family", "account_id").agg(pl.sum("prompts"))
    return sent.with_columns(account=pl.col("account_id").rank("dense").cast(pl.Int64)).sort("row", "account")


def _accounts_per_family(sent: pl.DataFrame) -> dict[int, int]:
    return dict(sent.group_by("family").agg(pl.col("account").n_unique()).iter_rows())


def _slot_values(
    members: pa.Table, templates: Sequence[Template], sent: pl.DataFrame, settings: LabelSettings
) -> pa.Table:
    """`SLOT_VALUES` of all families; `templates` in the order of the families in `members`."""
    prompts = members["prompt"].combine_chunks()
    names, starts = np.unique(members["family"].to_numpy(), return_index=True)
    ends = np.append(starts[1:], members.num_rows)
    senders = sent.select("row", "account", "prompts").to_numpy().astype(np.int64)
    bounds = np.searchsorted(senders[:, 0], np.append(starts, members.num_rows))
    tables = [SLOT_VALUES.empty_table()]
    for k, (family, template) in enumerate(zip(names.tolist(), templates, strict=True)):
        rows = senders[bounds[k] : bounds[k + 1]]
        who = Sent(rows[:, 0] - starts[k], rows[:, 1], rows[:, 2])
        texts = prompts.slice(starts[k], ends[k] - starts[k])
        tables.append(slot_values(family, template, texts, who, settings.slot_values))
    return pa.concat_tables(tables)
