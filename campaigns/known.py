"""What the store knows of campaigns before a day: their wordings, their latest runs, and who has taken them in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from campaigns.answers import standing_answers
from campaigns.decisions import select_decisions
from campaigns.entries import Answer, Event, KnownCampaign, KnownWording, Verdict
from campaigns.tables import CampaignDayRow, LineageRow, RunRow, WordingRow


def select_known(
    session: Session, before: date, latest_days: int, first_pass: Sequence[KnownCampaign] = ()
) -> list[KnownCampaign]:
    """See `Store.known_campaigns`."""
    wordings = _wordings(session, before)
    highest = dict(
        session.execute(
            select(WordingRow.campaign_id, func.max(WordingRow.variant))
            .where(WordingRow.day < before)
            .group_by(WordingRow.campaign_id)
        )
        .tuples()
        .all()
    )
    decided = {
        decision.campaign_id: decision.verdict in (Verdict.CONFIRMED, Verdict.DISMISSED)
        for decision in select_decisions(session, in_force=True)
    }
    days = _latest_days(session, before, latest_days)
    taken_in = _taken_in(session, before)
    known = {
        name: KnownCampaign(
            campaign_id=name,
            last_day=seen[0][0],
            runs=tuple(path for _, path in seen),
            merged_into=_since(taken_in.get(name), seen[0][0]),
            wordings=tuple(wordings.get(name, ())),
            first_free=highest.get(name, -1) + 1,
        )
        for name, seen in sorted(days.items())
    }
    known |= {one.campaign_id: gone_on(known.get(one.campaign_id), one, latest_days) for one in first_pass}
    known = {name: replace(one, decided=decided.get(name, False)) for name, one in known.items()}
    return _as_answered(known, standing_answers(session))


def gone_on(older: KnownCampaign | None, newer: KnownCampaign, latest_days: int) -> KnownCampaign:
    """A campaign as one more day left it."""
    if older is None:
        return newer
    wordings = {one.variant: one for one in (*older.wordings, *newer.wordings)}
    return replace(
        newer,
        runs=(*newer.runs, *older.runs)[:latest_days],
        wordings=tuple(one for _, one in sorted(wordings.items())),
        first_free=max(older.first_free, newer.first_free),
        born_today=False,
    )


def _as_answered(known: dict[str, KnownCampaign], answers: Mapping[str, Answer]) -> list[KnownCampaign]:
    """With what people said: an older campaign is known by what it went on as, too."""
    for name in sorted(known, key=lambda name: (known[name].last_day, name), reverse=True):
        answer = answers.get(name)
        if answer is None or not answer.same or answer.other_id not in known:
            continue
        newer, older = known[name], known[answer.other_id]
        more = tuple(
            replace(wording, variant=older.first_free + n) for n, wording in enumerate(newer.wordings)
        )
        known[older.campaign_id] = replace(
            older,
            last_day=max(older.last_day, newer.last_day),
            runs=tuple(dict.fromkeys(newer.runs + older.runs)),
            merged_into=None if older.merged_into == name else older.merged_into,
            wordings=older.wordings + more,
            first_free=older.first_free + len(more),
        )
        known[name] = replace(newer, merged_into=older.campaign_id)
    return list(known.values())


def _since(taken_in: tuple[date, str] | None, last_day: date) -> str | None:
    """Who took it in, unless it was seen on its own after that."""
    return taken_in[1] if taken_in is not None and taken_in[0] >= last_day else None


def _wordings(session: Session, before: date) -> dict[str, list[KnownWording]]:
    newest = (
        select(WordingRow.campaign_id, WordingRow.variant, func.max(WordingRow.day))
        .where(WordingRow.day < before)
        .group_by(WordingRow.campaign_id, WordingRow.variant)
    )
    query = (
        select(WordingRow)
        .where(tuple_(WordingRow.campaign_id, WordingRow.variant, WordingRow.day).in_(newest))
        .order_by(WordingRow.campaign_id, WordingRow.variant)
    )
    found: dict[str, list[KnownWording]] = defaultdict(list)
    for row in session.scalars(query):
        found[row.campaign_id].append(row.entry())
    return found


def _latest_days(session: Session, before: date, most: int) -> dict[str, list[tuple[date, str]]]:
    """Per campaign its latest days and the folders of their runs, the latest first."""
    place = func.row_number().over(
        partition_by=CampaignDayRow.campaign_id, order_by=CampaignDayRow.day.desc()
    )
    ranked = (
        select(CampaignDayRow.campaign_id, CampaignDayRow.day, CampaignDayRow.run_id, place.label("place"))
        .where(CampaignDayRow.day < before)
        .subquery()
    )
    query = (
        select(ranked.c.campaign_id, ranked.c.day, RunRow.path)
        .join(RunRow, RunRow.run_id == ranked.c.run_id)
        .where(ranked.c.place <= most)
        .order_by(ranked.c.campaign_id, ranked.c.place)
    )
    found: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for name, day, path in session.execute(query).tuples():
        found[name].append((day, path))
    return found


def _taken_in(session: Session, before: date) -> dict[str, tuple[date, str]]:
    """Per campaign the last day that another one took it in, and which."""
    query = (
        select(LineageRow.campaign_id, LineageRow.day, LineageRow.other_id)
        .where(LineageRow.event == Event.MERGED, LineageRow.day < before)
        .order_by(LineageRow.day)
    )
    return {name: (day, other) for name, day, other in session.execute(query).tuples() if other is not None}
