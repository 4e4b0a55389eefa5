"""The campaigns of a day judged: evidence about each, tiers, and the accounts that each can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from accounts.case import Case, cases
from accounts.evidence import Evidence, read_evidence
from accounts.history import History
from accounts.link import Strengths, account_strengths
from accounts.meetings import Overlap, meetings, overlaps, without_others
from accounts.members import Members
from accounts.ordinary import Ordinary
from accounts.signals.graph import Meeting
from accounts.strength import CORE_STRENGTH
from accounts.tiers import AllowRule, Verdict, if_named, judge
from accounts.wordings import Join
from campaigns.records import Tier
from campaigns.runs import Run
from campaigns.settings import TierSettings

Mask = Callable[[Evidence], Evidence]
"""What is left of evidence when some of it is not looked at."""


@dataclass(frozen=True, slots=True)
class DayCases:
    """The campaigns of a day and what their accounts are compared with.

    Attributes:
        ids: of the campaigns, in the order of `found`.
        shared: accounts of two of them.
        joins: why families are one campaign.
        seed: of every draw of control accounts.
    """

    members: Members
    found: Sequence[Case]
    ids: Sequence[str]
    shared: Sequence[Overlap]
    joins: Sequence[Join]
    history: History
    ordinary: Ordinary
    seed: int

    @classmethod
    def read(cls, run: Run, trailing: Sequence[Path], seed: int) -> DayCases:
        """From members, wordings and identities of a run, and the run folders of the days before."""
        members = Members.read(run)
        identities = run.table("identities", ["family", "campaign_id", "lead"])
        found = cases(members, identities["lead"].to_numpy())
        id_of = identities["campaign_id"].to_pylist()
        return cls(
            members,
            found,
            [id_of[case.lead] for case in found],
            overlaps(found),
            _joins(run.table("wordings")),
            History.read(trailing, members.population),
            Ordinary.read(run, members),
            seed,
        )

    def evidence(self) -> list[Evidence]:
        """About each campaign."""
        met = meetings(self.found, self.shared, self.joins)
        return [self._about(place, case, met[place]) for place, case in enumerate(self.found)]

    def evidence_without_others(self, suspected: Sequence[bool]) -> dict[int, Evidence]:
        """By place, about those campaigns that `without_others` reduces, as reduced."""
        met = meetings(self.found, [], self.joins)
        reduced = without_others(self.found, self.shared, suspected)
        return {
            place: replace(
                self._about(place, case, met[place]),
                left_out=len(self.found[place].accounts) - len(case.accounts),
            )
            for place, case in reduced.items()
        }

    def _about(self, place: int, case: Case, met: Sequence[Meeting]) -> Evidence:
        tried = max(self.members.n_families - 1, 0)
        return read_evidence(case, self.ids[place], self.ordinary, self.history, met, tried, self.seed)


@dataclass(frozen=True, slots=True)
class Judged:
    """In the order of the campaigns; `belonging` is how firmly the accounts of each belong to it."""

    evidence: Sequence[Evidence]
    verdicts: Sequence[Verdict]
    belonging: Sequence[Strengths]

    @property
    def suspected(self) -> list[bool]:
        return [verdict.tier != Tier.BENIGN for verdict in self.verdicts]


def judge_campaigns(
    day: DayCases,
    evidence: Sequence[Evidence],
    names: Sequence[Mapping[str, Sequence[str]]],
    matchers: Sequence[str],
    settings: TierSettings,
    allowed: Sequence[AllowRule] = (),
    mask: Mask | None = None,
) -> Judged:
    """Judge the campaigns, then those in which accounts of other suspected ones hide again without these.

    What a pool sends to hide brings its accounts into the families of others.

    Args:
        evidence: `day.evidence()`.
        names, matchers, allowed: as for `accounts.tiers.judge`.
    """
    look = mask or _everything
    seen = [look(one) for one in evidence]
    verdicts = judge(seen, names, matchers, settings, allowed)
    rest = day.evidence_without_others([verdict.tier != Tier.BENIGN for verdict in verdicts])
    if rest:
        seen = [look(rest[place]) if place in rest else one for place, one in enumerate(seen)]
        verdicts = judge(seen, names, matchers, settings, allowed)
    belonging = account_strengths(day.found, day.ids, verdicts, day.history)
    named = [float((strength >= CORE_STRENGTH).mean()) for strength, _ in belonging]
    verdicts = [if_named(verdict, part, settings) for verdict, part in zip(verdicts, named, strict=True)]
    return Judged(seen, verdicts, belonging)


def _everything(evidence: Evidence) -> Evidence:
    return evidence


def _joins(wordings: pa.Table) -> list[Join]:
    return [
        Join(row["lead"], row["family"], row["shared"], row["expected"], row["log_p"], row["cosine"])
        for row in wordings.to_pylist()
        if row["shared"] is not None
    ]
