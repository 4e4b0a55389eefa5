"""The label stage: every family of a run gets its template, objective, keyphrases, title and examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from campaigns import files
from campaigns.records import LABELS, Objective, Template
from campaigns.runs import Counts, Run
from campaigns.settings import LabelSettings, Settings
from labeling.describe import Size, describe, display, exemplars, scripts_of
from labeling.keyphrases import keyphrases
from labeling.taxonomy import Verdict, cue_scores, objective, prototypes
from labeling.template import align, template_to_json

Encode = Callable[[Sequence[str]], NDArray[np.floating]]
"""Texts to vectors (n, d), one row each."""

_READ, _READ_CHARACTERS = 40, 2_000
"""Members of a family, and how much of each, that are read for keyphrases or for want of constants."""

_ENCODED_CHARACTERS = 600
"""What a template asks for is said in its first sentences."""

_FEW_LETTERS = 12
"""Constants with fewer letters say nothing about an objective."""


def label(run: Run, settings: Settings, encode: Encode) -> Counts:
    """Read `family_members`, `texts` and the prompts of a run; write `labels.parquet` (`LABELS`)."""
    members = run.table("family_members").sort_by([("family", "ascending"), ("text_key", "ascending")])
    keys = members["text_key"].combine_chunks()
    texts = run.texts_of(keys)
    weights = run.table("texts", ["text_key", "n_prompts"])
    members = members.append_column("prompt", _looked_up(keys, texts, "prompt"))
    members = members.append_column("n_prompts", _looked_up(keys, weights, "n_prompts"))
    labels = label_families(members, _accounts_per_family(run, members), settings.label, encode)
    files.write_parquet(run.path / "labels.parquet", labels)
    unclear = int(np.sum(labels["objective"].to_numpy(zero_copy_only=False) == Objective.UNCLEAR.value))
    return {"n_families": labels.num_rows, "n_unclear": unclear}


def label_families(
    members: pa.Table, n_accounts: dict[int, int], settings: LabelSettings, encode: Encode
) -> pa.Table:
    """Label all families at once.

    Args:
        members: columns family, text_key, strength, prompt, n_prompts; sorted by family, then text_key.
        n_accounts: accounts of each family.
        encode: called once, with the prototypes and one text per family.

    Returns:
        A table of schema `LABELS`.
    """
    family = members["family"].to_numpy()
    names, starts = np.unique(family, return_index=True)
    if not len(names):
        return LABELS.empty_table()
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
    verdicts = _objectives(constants, read, settings, encode)
    phrases = keyphrases(constants, read, settings.keyphrases)
    labels = [
        describe(
            template,
            verdict,
            Size(int(n_prompts[start:end].sum()), n_accounts[name]),
            family_phrases,
            scripts_of(fixed if _letters(fixed) >= _FEW_LETTERS else some),
        )
        for name, (start, end), template, verdict, family_phrases, fixed, some in zip(
            names.tolist(), spans, templates, verdicts, phrases, constants, read, strict=True
        )
    ]
    keys = members["text_key"].combine_chunks()
    return pa.table(
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


def _objectives(
    constants: list[list[str]], read: list[list[str]], settings: LabelSettings, encode: Encode
) -> list[Verdict]:
    """A verdict per family from its constants; without words in common, from some members."""
    sentences, of = prototypes()
    said = [" ".join(fixed) if _letters(fixed) >= _FEW_LETTERS else "" for fixed in constants]
    subjects = [(text or some[0])[:_ENCODED_CHARACTERS] for text, some in zip(said, read, strict=True)]
    vectors = np.asarray(encode([*sentences, *subjects]))
    verdicts = []
    for text, some, vector in zip(said, read, vectors[len(sentences) :], strict=True):
        cues = cue_scores([text] if text else some).mean(axis=0)
        verdicts.append(objective(vector, vectors[: len(sentences)], of, cues, settings.objective_floor))
    return verdicts


def _letters(constants: Sequence[str]) -> int:
    return sum(character.isalpha() for constant in constants for character in constant[:_READ_CHARACTERS])


def _looked_up(keys: pa.Array, table: pa.Table, column: str) -> pa.Array:
    """`column` of the row of `table` whose text_key equals each of `keys`."""
    found = pc.index_in(keys, value_set=table["text_key"].combine_chunks())
    return table[column].combine_chunks().take(found)


def _accounts_per_family(run: Run, members: pa.Table) -> dict[int, int]:
    """Distinct accounts of each family, read part by part."""
    wanted = members.select(["text_key", "family"])
    pairs = []
    for part in run.prompt_parts():
        prompts = files.read_parquet(part, ["text_key", "account_id"])
        joined = prompts.join(wanted, keys="text_key", join_type="inner").select(["family", "account_id"])
        pairs.append(joined.group_by(["family", "account_id"]).aggregate([]))
    distinct = pa.concat_tables(pairs).group_by(["family", "account_id"]).aggregate([])
    counts = distinct.group_by("family").aggregate([([], "count_all")])
    return dict(zip(counts["family"].to_pylist(), counts["count_all"].to_pylist(), strict=True))
