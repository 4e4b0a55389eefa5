"""The labels of a run, reworded by a labelling service where the settings name one.

Nothing here can fail a run: without a service, with wrong settings or without answers the labels stay as they are,
and the counts of the stage say why.
"""

from __future__ import annotations

import logging
import os

import numpy as np
import polars as pl
import pyarrow as pa

from campaigns.errors import UsageError
from campaigns.records import LABELS, Label, Objective
from campaigns.runs import Counts
from campaigns.settings import Settings
from labeling.labeller import FamilyDigest, Labeller, polish

_log = logging.getLogger(__name__)


def second_opinion(labels: pa.Table, members: pa.Table, settings: Settings) -> tuple[pa.Table, Counts]:
    """`labels` after the service of `label.llm_url` was asked, and what came of it as counts of the stage.

    Args:
        labels: schema `LABELS`.
        members: columns family, text_key, prompt and n_prompts.
    """
    if not settings.label.llm_url or not labels.num_rows:
        return labels, {}
    from labeling.openai_labeller import labeller_of  # loads an HTTP client

    try:
        labeller = labeller_of(settings.label, settings.home / "cache" / "labels", os.environ)
        return (labels, {}) if labeller is None else polished(labels, members, labeller)
    except (UsageError, OSError) as error:  # wrong settings, or a cache that cannot be written
        _log.warning("the labels stay as they were: %s", error)
        return labels, {"llm_problem": str(error)}


def polished(labels: pa.Table, members: pa.Table, labeller: Labeller) -> tuple[pa.Table, Counts]:
    """`labels` with the answers of `labeller`, which is told of the largest family first."""
    texts = pl.DataFrame(members.select(["family", "text_key", "prompt", "n_prompts"]))
    sizes = dict(texts.group_by("family").agg(pl.sum("n_prompts")).iter_rows())
    rows = labels.to_pylist()
    shown = {key for row in rows for key in row["exemplars"]}
    prompts = dict(
        texts.filter(pl.col("text_key").is_in(list(shown))).select("text_key", "prompt").iter_rows()
    )
    order = np.lexsort(([row["family"] for row in rows], [-sizes[row["family"]] for row in rows])).tolist()
    digests = [
        FamilyDigest(
            rows[i]["template"],
            Objective(rows[i]["objective"]),
            tuple(rows[i]["keyphrases"]),
            tuple(prompts[key] for key in rows[i]["exemplars"]),
        )
        for i in order
    ]
    answer = labeller.label(digests)
    for i, one in zip(order, answer.labels, strict=True):
        row = rows[i]
        label = Label(
            row["title"],
            row["summary"],
            Objective(row["objective"]),
            row["objective_confidence"],
            tuple(row["keyphrases"]),
        )
        better = polish(label, one)
        row |= {
            "title": better.title,
            "summary": better.summary,
            "objective": better.objective.value,
            "objective_confidence": better.objective_confidence,
        }
    return pa.Table.from_pylist(rows, LABELS), dict(answer.as_counts())
