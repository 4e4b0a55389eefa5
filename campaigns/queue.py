"""The queue: campaigns to work through, filtered, sorted and cut into pages by the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final, Self, TypeVar

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, defer

from campaigns.entries import CampaignState, Verdict
from campaigns.errors import UsageError
from campaigns.records import Objective, Tier
from campaigns.review_tables import ProposalRow
from campaigns.tables import CampaignDayRow, CampaignRow, DayRow, storable

_Row = TypeVar("_Row", bound=tuple[Any, ...])

TREND_DAYS: Final = 14
PAGE: Final = 50
MOST_IDS: Final = 200
TEMPLATE_CHARACTERS: Final = 400


class Sort(StrEnum):
    """By what the queue is sorted; ties by id."""

    SCORE = "score"
    PROMPTS = "prompts"
    ACCOUNTS = "accounts"
    FIRST_SEEN = "first seen"
    LAST_SEEN = "last seen"
    TITLE = "title"


_COLUMNS: Final[dict[Sort, Any]] = {
    Sort.SCORE: CampaignRow.score,
    Sort.PROMPTS: CampaignRow.n_prompts,
    Sort.ACCOUNTS: CampaignRow.n_accounts,
    Sort.FIRST_SEEN: CampaignRow.first_day,
    Sort.LAST_SEEN: CampaignRow.last_day,
    Sort.TITLE: CampaignRow.title,
}

UNDECIDED: Final = "undecided"
PROPOSED: Final = "proposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which campaigns, in which order. Empty fields leave nothing out.

    Attributes:
        verdicts: values of `Verdict`; `UNDECIDED`: nobody has decided or proposed anything; `PROPOSED`: a proposal
            waits for a second person.
        operator: an operator's id.
        seen_on: only those whose latest day this is.
        search: part of a title, a template or an id, in any case.
        only: these campaigns, at most `MOST_IDS`.
    """

    tiers: tuple[Tier, ...] = (Tier.ACTIONABLE, Tier.REVIEW)
    states: tuple[CampaignState, ...] = (CampaignState.OPEN,)
    verdicts: tuple[str, ...] = (UNDECIDED,)
    objective: Objective | None = None
    operator: str = ""
    seen_on: date | None = None
    search: str = ""
    only: tuple[str, ...] = ()
    sort: Sort = Sort.SCORE
    descending: bool = True

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads; fields that leave nothing out are not named."""
        told = asdict(replace(self, only=tuple(self.only)))
        told["seen_on"] = None if self.seen_on is None else self.seen_on.isoformat()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """
        Raises:
            UsageError: it is not what `as_json` gives.
        """
        known = {field.name for field in fields(cls)}
        try:
            told = {name: one for name, one in value.items() if name in known}
            return cls(
                **told
                | {
                    "tiers": tuple(map(Tier, told.get("tiers", ()))),
                    "states": tuple(map(CampaignState, told.get("states", ()))),
                    "verdicts": tuple(map(_verdict, told.get("verdicts", ()))),
                    "objective": Objective(told["objective"]) if told.get("objective") else None,
                    "operator": str(told.get("operator", "")),
                    "seen_on": date.fromisoformat(told["seen_on"]) if told.get("seen_on") else None,
                    "search": str(told.get("search", "")),
                    "only": tuple(map(str, told.get("only", ())))[:MOST_IDS],
                    "sort": Sort(told.get("sort", Sort.SCORE)),
                    "descending": bool(told.get("descending", True)),
                }
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"a filter cannot be read: {error}", hint="Reset the filters.") from None


EVERYTHING: Final = Filter(tiers=(), states=(), verdicts=())


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A campaign in the queue, as its latest day shows it and as people call it.

    Attributes:
        template: no more than `TEMPLATE_CHARACTERS` of it.
        verdict: of the decision that stands. `proposal_id`: what waits for a second person.
        trend: prompts on each of the last `TREND_DAYS` published days, the oldest first; None where it was not seen.
    """

    campaign_id: str
    run_id: str
    title: str
    labelled: bool
    tier: Tier
    score: float
    n_prompts: int
    n_accounts: int
    objective: Objective
    operator_id: str | None
    template: str
    first_day: date
    last_day: date
    state: CampaignState
    verdict: Verdict | None
    proposal_id: int | None
    trend: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue out of `total` campaigns that pass the filter; `days` are those of the trends."""

    rows: tuple[QueueRow, ...]
    total: int
    offset: int
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirmed campaign, in the run of its latest day."""

    campaign_id: str
    run_id: str


def select_queue(session: Session, wanted: Filter, *, offset: int = 0, limit: int = PAGE) -> QueuePage:
    """A page of the campaigns that pass a filter."""
    waiting = waiting_by_campaign(session)
    conditions = _conditions(wanted, waiting)
    passing = _searched(select(CampaignRow.campaign_id, func.count().over()), wanted).where(*conditions)
    page = passing.order_by(*_order(wanted)).offset(max(offset, 0)).limit(limit)
    hits = session.execute(page).tuples().all()
    total = hits[0][1] if hits else 0
    if not hits and offset > 0:  # nothing so far down says how many there are
        counting = _searched(select(func.count()).select_from(CampaignRow), wanted).where(*conditions)
        total = session.scalar(counting) or 0
    names = [name for name, _ in hits]
    found = _rows(session, names)
    days = tuple(
        reversed(list(session.scalars(select(DayRow.day).order_by(DayRow.day.desc()).limit(TREND_DAYS))))
    )
    trends = _trends(session, names, days)
    return QueuePage(
        tuple(
            QueueRow(
                campaign_id=row.campaign_id,
                run_id=row.run_id,
                title=row.title,
                labelled=row.labelled,
                tier=Tier(row.tier),
                score=row.score,
                n_prompts=row.n_prompts,
                n_accounts=row.n_accounts,
                objective=Objective(row.objective),
                operator_id=row.operator_id,
                template=template,
                first_day=row.first_day,
                last_day=row.last_day,
                state=CampaignState(row.state),
                verdict=None if row.verdict is None else Verdict(row.verdict),
                proposal_id=waiting.get(row.campaign_id),
                trend=tuple(trends[row.campaign_id].get(day) for day in days),
            )
            for row, template in found
        ),
        total,
        max(offset, 0),
        days,
    )


def select_ids(session: Session, wanted: Filter, *, limit: int) -> list[str]:
    """The ids of the campaigns that pass a filter, in its order."""
    return list(session.scalars(_ids(session, wanted).order_by(*_order(wanted)).limit(limit)))


def select_next(session: Session, after: str, wanted: Filter) -> str | None:
    """The campaign that follows `after` in the order of a filter, whether `after` passes it or not.

    After the last one the first follows. None: no other passes.
    """
    query = _ids(session, wanted).where(CampaignRow.campaign_id != after)
    here = session.get(CampaignRow, after)
    if here is not None:
        column = _COLUMNS[wanted.sort]
        value = getattr(here, column.key)
        past = column < value if wanted.descending else column > value
        behind = or_(past, and_(column == value, CampaignRow.campaign_id > after))
        query = query.order_by(case((behind, 0), else_=1))
    return session.scalar(query.order_by(*_order(wanted)).limit(1))


def select_confirmed(session: Session) -> list[Confirmed]:
    """Every campaign of which a confirmation stands, by id."""
    query = (
        select(CampaignRow.campaign_id, CampaignRow.run_id)
        .where(CampaignRow.verdict == Verdict.CONFIRMED)
        .order_by(CampaignRow.campaign_id)
    )
    return [Confirmed(*row) for row in session.execute(query).tuples()]


def waiting_by_campaign(session: Session) -> dict[str, int]:
    """The proposal that waits for a second person, by campaign."""
    rows = session.execute(select(ProposalRow.id, ProposalRow.targets).where(ProposalRow.outcome.is_(None)))
    return {
        target["campaign_id"]: number for number, targets in rows.tuples() for target in targets["campaigns"]
    }


def _ids(session: Session, wanted: Filter) -> Select[tuple[str]]:
    conditions = _conditions(wanted, waiting_by_campaign(session))
    return _searched(select(CampaignRow.campaign_id), wanted).where(*conditions)


def _order(wanted: Filter) -> tuple[Any, ...]:
    column = _COLUMNS[wanted.sort]
    return column.desc() if wanted.descending else column.asc(), CampaignRow.campaign_id


def _conditions(wanted: Filter, waiting: Collection[str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.tiers:
        found.append(CampaignRow.tier.in_(wanted.tiers))
    if wanted.states:
        found.append(CampaignRow.state.in_(wanted.states))
    if wanted.verdicts:
        proposed = CampaignRow.campaign_id.in_(waiting)
        either: list[ColumnElement[bool]] = [CampaignRow.verdict.in_(wanted.verdicts)]
        if UNDECIDED in wanted.verdicts:
            either.append(and_(CampaignRow.verdict.is_(None), ~proposed))
        if PROPOSED in wanted.verdicts:
            either.append(proposed)
        found.append(or_(*either))
    if wanted.objective is not None:
        found.append(CampaignRow.objective == wanted.objective)
    if wanted.operator:
        found.append(CampaignRow.operator_id == wanted.operator)
    if wanted.seen_on is not None:
        found.append(CampaignRow.last_day == wanted.seen_on)
    if wanted.only:
        found.append(CampaignRow.campaign_id.in_(wanted.only))
    return found


def _searched(query: Select[_Row], wanted: Filter) -> Select[_Row]:
    """Words are sought in one text, which has a space between its parts as no word has."""
    space = literal(" ")
    text = func.lower(CampaignRow.title + space + CampaignRow.template + space + CampaignRow.campaign_id)
    for word in storable(wanted.search).split():
        query = query.where(text.contains(word.lower(), autoescape=True))
    return query


def _rows(session: Session, names: Sequence[str]) -> list[tuple[CampaignRow, str]]:
    """Campaigns in the order of their ids as given, each with as much of its template as is shown."""
    if not names:
        return []
    query = select(CampaignRow, func.substr(CampaignRow.template, 1, TEMPLATE_CHARACTERS)).options(
        defer(CampaignRow.template)
    )
    rows = session.execute(query.where(CampaignRow.campaign_id.in_(names))).tuples()
    found = {row.campaign_id: (row, template) for row, template in rows}
    return [found[name] for name in names]


def _trends(session: Session, names: Sequence[str], days: Sequence[date]) -> dict[str, dict[date, int]]:
    found: dict[str, dict[date, int]] = defaultdict(dict)
    if names and days:
        query = select(CampaignDayRow.campaign_id, CampaignDayRow.day, CampaignDayRow.n_prompts).where(
            CampaignDayRow.campaign_id.in_(names), CampaignDayRow.day >= days[0]
        )
        for name, day, n_prompts in session.execute(query).tuples():
            found[name][day] = n_prompts
    return found


def _verdict(value: Any) -> str:
    return str(value) if value in (UNDECIDED, PROPOSED) else Verdict(value).value
