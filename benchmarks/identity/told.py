"""What a run says about identity: the campaign of each prompt, and what happened to campaigns."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from campaigns.runs import Run

NO_NEWS = ("kept", "minted")
"""Events that relate no two campaigns."""
ASKED = "asked"
"""What two kept campaigns are called of which a person is to say whether they are one."""


@dataclass(frozen=True, slots=True)
class Told:
    """
    Attributes:
        members: prompt_id, campaign_id.
        events: event, campaign_id, other_id (null where there is none), one row each, without `NO_NEWS`.
    """

    members: pl.DataFrame
    events: pl.DataFrame

    @classmethod
    def read(cls, run: Run) -> Told:
        """Of a run folder."""
        identities = pl.DataFrame(run.table("identities"))
        told = ("event", "campaign_id", "other_id")
        events = pl.concat([identities.select(told), pl.DataFrame(run.table("unseen")).select(told)])
        asked = (pl.col("event") == "kept") & pl.col("other_id").is_not_null()
        events = events.with_columns(pl.when(asked).then(pl.lit(ASKED)).otherwise("event").alias("event"))
        texts = pl.DataFrame(run.table("family_members", ["text_key", "family"]))
        sent = pl.DataFrame(run.prompts(["prompt_id", "text_key"]))
        return cls(
            sent.join(texts, on="text_key").join(identities, on="family").select("prompt_id", "campaign_id"),
            events.filter(~pl.col("event").is_in(NO_NEWS)).unique().sort(pl.all()),
        )  # fmt: skip
