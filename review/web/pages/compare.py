"""Two campaigns side by side."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Request
from starlette.responses import Response

from campaigns.errors import IntegrityError, UsageError
from campaigns.sessions import Role
from review.compare import MOST_ACCOUNTS, compare
from review.neighbours import neighbours
from review.run_tables import RunTables
from review.web.access import GuardedRoute, User, allow
from review.web.desk import Desk, desk_of
from review.web.effects import ordered
from review.web.look import Look, decided, ties
from review.web.pages.campaign import find
from review.web.reasons import SignalRow
from review.web.rendering import page

router = APIRouter(route_class=GuardedRoute)


@router.get("/compare")
@allow(Role.VIEWER)
def side_by_side(request: Request, user: User, left: str = "", right: str = "") -> Response:
    """Both as of their latest days, or of the latest day that both were seen on. Without a second: which it may be.

    Raises:
        UsageError: neither is named.
        IntegrityError: the files of a run are gone.
    """
    desk = desk_of(request)
    if not left and not right:
        raise UsageError("no campaign is named", hint="Open one, and press c.")
    if not left or not right or left == right:
        return _choose(request, desk, left or right)
    with desk.store.reading() as session:
        looks = find(session, left), find(session, right)
        day = _day_of_both(*looks)
        if day is not None:
            looks = find(session, left, day), find(session, right, day)
        newer, older = ordered(*looks)
        decisions = decided(session, left), decided(session, right)
        said = ties(session, newer.campaign_id).answer
    tables = _tables(desk, looks[0]), _tables(desk, looks[1])
    comparison = compare(tables[0], left, tables[1], right)
    return page(
        request,
        "compare.html",
        here="/queue",
        sides=list(zip(("left", "right"), looks, decisions, strict=True)),
        comparison=comparison,
        by_chance=_by_chance(tables[0], left, right) if day is not None else None,
        signals=[
            (
                pair.name,
                pair.group,
                [None if one is None else SignalRow.of(one) for one in (pair.left, pair.right)],
            )
            for pair in comparison.signals
        ],
        newer=newer,
        older=older,
        said=said if said is not None and said.other_id == older.campaign_id else None,
        same_day=day is not None,
        may_change=user.role.includes(Role.ANALYST),
        most=MOST_ACCOUNTS,
        reference=desk.links.reference,
    )


def _choose(request: Request, desk: Desk, campaign_id: str) -> Response:
    with desk.store.reading() as session:
        seen = find(session, campaign_id)
    try:
        near = neighbours(_tables(desk, seen), campaign_id)
    except IntegrityError:
        near = []
    return page(request, "compare_with.html", here="/queue", look=seen, neighbours=near)


def _day_of_both(one: Look, other: Look) -> date | None:
    days = {day.day for day in one.history.days} & {day.day for day in other.history.days}
    return max(days, default=None)


def _tables(desk: Desk, seen: Look) -> RunTables:
    return desk.tables(desk.published(seen.shown.day))


def _by_chance(tables: RunTables, left: str, right: str) -> float | None:
    """Accounts that chance alone would put into both; None where the run did not say."""
    if not tables.has("bridges"):
        return None
    for name, other in ((left, right), (right, left)):
        for row in tables.rows("bridges", "campaign_id", name).to_pylist():
            if row["other_id"] == other:
                return float(row["expected"])
    return None
