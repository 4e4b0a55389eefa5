"""A campaign as somebody looks at it: on which of its days, and what people say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from campaigns.answers import standing_answers
from campaigns.decisions import latest, select_decisions
from campaigns.entries import Answer, CampaignDay, CampaignHistory, Decision, Split
from campaigns.history import select_history
from campaigns.labels import Label, standing_labels
from campaigns.proposals import Proposal, select_proposal
from campaigns.queue import waiting_by_campaign
from campaigns.records import Objective
from campaigns.splits import standing_splits


@dataclass(frozen=True, slots=True)
class Look:
    """
    Attributes:
        on_day: None: the campaign was not seen on the day that was asked for.
        label: what people call it; None: what its runs do.
    """

    history: CampaignHistory
    on_day: CampaignDay | None
    label: Label | None

    @property
    def campaign_id(self) -> str:
        return self.history.campaign_id

    @property
    def shown(self) -> CampaignDay:
        """The day that is looked at, or else the latest one."""
        return self.on_day or self.history.latest

    @property
    def title(self) -> str:
        return self.label.title if self.label and self.label.title is not None else self.shown.title

    @property
    def objective(self) -> Objective:
        return self.label.objective if self.label and self.label.objective else self.shown.objective

    @property
    def is_latest(self) -> bool:
        return self.shown.day == self.history.last_day

    @property
    def day_before(self) -> date | None:
        """The last day before the one that is shown on which it was seen."""
        return max((one.day for one in self.history.days if one.day < self.shown.day), default=None)

    @property
    def day_after(self) -> date | None:
        return min((one.day for one in self.history.days if one.day > self.shown.day), default=None)


def look(session: Session, campaign_id: str, day: date | None = None) -> Look:
    """
    Args:
        day: None: its latest.

    Raises:
        UsageError: nobody knows this campaign.
    """
    history = select_history(session, campaign_id)
    wanted = day or history.last_day
    on_day = next((one for one in history.days if one.day == wanted), None)
    return Look(history, on_day, standing_labels(session, campaign_id).get(campaign_id))


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision that stands, who approved it if it took two, and what waits for a second person."""

    decision: Decision | None
    approved_by: str
    waiting: Proposal | None


def decided(session: Session, campaign_id: str) -> Decided:
    decision = latest(select_decisions(session, campaign_id, in_force=True)).get(campaign_id)
    approved_by = ""
    if decision is not None and decision.proposal_id is not None:
        approved_by = select_proposal(session, decision.proposal_id).settled_by or ""
    number = waiting_by_campaign(session).get(campaign_id)
    return Decided(decision, approved_by, None if number is None else select_proposal(session, number))


@dataclass(frozen=True, slots=True)
class Ties:
    """What people said that can be taken back: of what it goes on from, what goes on from it, what was parted."""

    answer: Answer | None
    continued_by: tuple[Answer, ...]
    splits: tuple[Split, ...]


def ties(session: Session, campaign_id: str) -> Ties:
    answers = standing_answers(session)
    return Ties(
        answers.get(campaign_id),
        tuple(one for one in answers.values() if one.other_id == campaign_id and one.same),
        tuple(standing_splits(session, campaign_id)),
    )
