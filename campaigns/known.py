"""What the store knows of campaigns before a day: their wordings, their latest runs, and who has taken them in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from campaigns.answers import standing_answers
from campaigns.decisions import select_decisions
from campaigns.entries import Event, KnownCampaign, KnownWording, Split, Verdict
from campaigns.splits import holders, select_splits, taken_back
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
    splits = select_splits(session)
    undone = taken_back(splits)
    known = _as_split(known, splits, undone)
    goes_into = {name: undo.campaign_id for name, undo in undone.items()}
    goes_into |= {name: one.other_id for name, one in standing_answers(session).items() if one.same}
    return _kept_apart(_as_one(known, goes_into, undone), splits)


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


def _as_split(
    known: dict[str, KnownCampaign], splits: Sequence[Split], undone: Mapping[str, Split]
) -> dict[str, KnownCampaign]:
    """With each wording at the campaign that people gave it to, as of its latest day under either id.

    A campaign that a split made is known from its first wording on, and has no day of its own before a run finds it.
    """
    if not splits:
        return known
    held = holders(splits)
    made_by = {str(split.new_id): split for split in splits if split.undoes is None}
    wordings: dict[str, dict[int, KnownWording]] = {name: {} for name in known}
    for name, campaign in known.items():
        for one in campaign.wordings:
            holder = held.get((name, one.variant), name)
            holder = holder if holder in known or holder in made_by else name
            other = wordings.setdefault(holder, {}).get(one.variant)
            if other is None or (one.day, name == holder) > (other.day, other.campaign_id == holder):
                wordings[holder][one.variant] = one
    result = dict(known)
    for name in sorted({*made_by, *(split.campaign_id for split in splits)} & wordings.keys()):
        own = tuple(one for _, one in sorted(wordings[name].items()))
        as_its_own = tuple(replace(one, campaign_id=name) for one in own)
        if name in known:
            result[name] = replace(
                known[name],
                last_day=max((one.day for one in own), default=known[name].last_day),
                wordings=as_its_own,
                first_free=max([known[name].first_free, *(one.variant + 1 for one in own)]),
                untold=undone.get(name) if known[name].merged_into is None else None,
            )
        else:
            formerly = max(own, key=lambda one: one.day).campaign_id
            result[name] = KnownCampaign(
                campaign_id=name,
                last_day=max(one.day for one in own),
                runs=known[formerly].runs,
                merged_into=None,
                wordings=as_its_own,
                first_free=own[-1].variant + 1,
                formerly=formerly,
                untold=made_by[name],
            )
    return result


def _as_one(
    known: dict[str, KnownCampaign], goes_into: Mapping[str, str], undone: Collection[str]
) -> dict[str, KnownCampaign]:
    """With what people said is one: an older campaign is known by what it went on as, too.

    Args:
        goes_into: the older campaign of each newer one.
        undone: newer ones that are no campaign any longer, and have no wordings left to come back by.
    """
    for name in sorted(known, key=lambda name: (known[name].last_day, name), reverse=True):
        if goes_into.get(name) not in known:
            continue
        newer, older = known[name], known[goes_into[name]]
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
        known[name] = replace(
            newer, merged_into=older.campaign_id, wordings=() if name in undone else newer.wordings
        )
    return known


def _kept_apart(known: dict[str, KnownCampaign], splits: Sequence[Split]) -> list[KnownCampaign]:
    """With the campaigns that each was parted from: directly, or as another part of the same."""
    parts: dict[str, set[str]] = {}
    for split in splits:
        if split.new_id is None:
            continue
        sides = {_now(known, split.campaign_id), _now(known, split.new_id)} & known.keys()
        together = set().union(sides, *(parts.get(side, ()) for side in sides))
        parts |= dict.fromkeys(together, together)
    return [
        replace(one, apart_from=tuple(sorted(parts.get(name, set()) - {name}))) for name, one in known.items()
    ]


def _now(known: Mapping[str, KnownCampaign], name: str) -> str:
    """What a campaign is by now: itself, or the one that has taken it in."""
    seen = {name}
    while name in known and (into := known[name].merged_into) is not None and into not in seen:
        name = into
        seen.add(name)
    return name


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
