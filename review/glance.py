"""The little of a campaign that tells most, for who goes through many of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from accounts.signals.reading import COUNTED
from campaigns.records import Template
from review.campaign import campaign_row, read_prompts, read_template
from review.evidence import Sheet, Signal, Standing, read_sheet
from review.run_tables import RunTables

MOST_SENTENCES: Final = 3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Glance:
    """`campaign` is a row of the run's table, `exemplar` the prompt that is most like the others."""

    campaign: Row
    template: Template
    sheet: Sheet
    exemplar: str

    @property
    def sentences(self) -> tuple[Signal, ...]:
        """What speaks most clearly, at most `MOST_SENTENCES`."""
        return telling(self.sheet)[:MOST_SENTENCES]

    @property
    def n_more(self) -> int:
        """Facts that speak and are not among the sentences."""
        return len(self.sheet.of(Standing.SPEAKS)) - len(self.sentences)


def read_glance(tables: RunTables, campaign_id: str) -> Glance:
    """
    Raises:
        UsageError: the campaign is not in this run.
        IntegrityError: a file of the run is missing or damaged.
    """
    campaign = campaign_row(tables, campaign_id)
    prompts = read_prompts(tables, campaign["exemplar_prompt_ids"][:1])
    return Glance(
        campaign,
        read_template(tables, campaign_id),
        read_sheet(tables, campaign),
        prompts[0]["prompt"] if prompts else "",
    )


def telling(sheet: Sheet) -> tuple[Signal, ...]:
    """The least likely signal of each group that speaks: groups that count before others, then the least likely first.

    Signals of one group say much the same, so one of each tells more than three of the strongest.
    """
    spoken: dict[str, Signal] = {}
    for one in sheet.of(Standing.SPEAKS):
        spoken.setdefault(one.group, one)  # within a group they come the least likely first
    return tuple(sorted(spoken.values(), key=lambda one: (one.group not in COUNTED, one.p_value, one.name)))
