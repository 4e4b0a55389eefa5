"""What people change about a campaign besides deciding: how it is called, what it is one with, what it falls into."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from campaigns.errors import IntegrityError, UsageError
from campaigns.labels import MOST_CHARACTERS, relabel
from campaigns.records import Objective
from campaigns.sessions import Role
from campaigns.splits import holders, record_split, select_splits, standing_splits, take_split_back
from review.neighbours import neighbours
from review.run_tables import RunTables
from review.web.access import GuardedRoute, User, allow
from review.web.desk import Desk, desk_of
from review.web.effects import OF_SPLITTING, in_both, of_merging, of_parting, ordered
from review.web.look import Look, decided, ties
from review.web.pages.campaign import find
from review.web.rendering import page

router = APIRouter(route_class=GuardedRoute)

RELABELLED: Final = "relabelled"
TIED: Final = "tied"
"""Events by which the parts of a page that show it are fetched again."""
Reason = Annotated[str, Form(max_length=2_000)]


# -- what it is called ---------------------------------------------------------------------------------


@router.get("/campaigns/{campaign_id}/label")
@allow(Role.ANALYST)
def label_dialog(request: Request, campaign_id: str) -> Response:
    with desk_of(request).store.reading() as session:
        seen = find(session, campaign_id)
    return page(request, "dialogs/label.html", look=seen, objectives=list(Objective), most=MOST_CHARACTERS)


@router.post("/campaigns/{campaign_id}/label")
@allow(Role.ANALYST)
def label(
    request: Request,
    user: User,
    campaign_id: str,
    title: Annotated[str, Form()] = "",
    objective: Annotated[str, Form()] = "",
    back: Annotated[bool, Form()] = False,
    reason: Reason = "",
) -> Response:
    """
    Args:
        title, objective: empty: as its runs have it. `back`: both.

    Raises:
        UsageError: nothing is changed, the objective is none, or as `campaigns.labels.relabel`.
    """
    desk = desk_of(request)
    if objective and objective not in set(Objective):
        raise UsageError("there is no such objective", hint="Choose one of the list.")
    title = "" if back else title.strip()
    objective = "" if back else objective
    if not (title or objective or back):
        raise UsageError("neither title nor objective is given", hint="Say at least one of them.")
    with desk.store.writing() as session:
        find(session, campaign_id)
        made = relabel(
            session,
            campaign_id,
            title=title or None,
            objective=Objective(objective) if objective else None,
            reason=reason,
            author=user.user,
            clock=desk.clock,
        )
    if back:
        return _done(request, RELABELLED, f"{campaign_id} is called as its runs call it again.")
    called = [f"“{made.title}”"] if made.title else []
    called += [f"after {made.objective}"] if made.objective else []
    return _done(request, RELABELLED, f"{campaign_id} is called {', '.join(called)} from now on.")


# -- what it is one with -------------------------------------------------------------------------------


@router.get("/campaigns/{campaign_id}/merge")
@allow(Role.ANALYST)
def merge_dialog(request: Request, campaign_id: str, other: str = "") -> Response:
    """
    Args:
        other: with which, where that is known already.
    """
    desk = desk_of(request)
    with desk.store.reading() as session:
        seen = find(session, campaign_id)
        chosen = find(session, other) if other else None
    asked = [one for one in desk.store.questions() if campaign_id in (one.campaign_id, one.other_id)]
    near = [] if chosen else _near(desk, seen)
    return page(
        request,
        "dialogs/merge.html",
        look=seen,
        chosen=chosen,
        asked=[
            (one.other_id if one.campaign_id == campaign_id else one.campaign_id, one.reason) for one in asked
        ],
        near=near,
        effect=[] if chosen is None else _merging(desk, seen, chosen),
    )


@router.post("/campaigns/{campaign_id}/merge/effect")
@allow(Role.ANALYST)
def merge_effect(
    request: Request,
    campaign_id: str,
    other: Annotated[str, Form()] = "",
    typed: Annotated[str, Form()] = "",
) -> Response:
    """What merging with the campaign that is chosen would do. Nothing is changed; what is typed is in no address."""
    desk = desk_of(request)
    with desk.store.reading() as session:
        seen = find(session, campaign_id)
        name = other or typed.strip()
        chosen = find(session, name) if name else None
    if chosen is not None and chosen.campaign_id == campaign_id:
        raise UsageError("that is this campaign itself", hint="Choose another.")
    effect = [] if chosen is None else _merging(desk, seen, chosen)
    return page(request, "dialogs/effect.html", effect=effect, chosen=chosen)


@router.post("/campaigns/{campaign_id}/merge")
@allow(Role.ANALYST)
def merge(
    request: Request,
    user: User,
    campaign_id: str,
    other: Annotated[str, Form()] = "",
    typed: Annotated[str, Form()] = "",
    reason: Reason = "",
) -> Response:
    """The newer of the two is the older gone on.

    Raises:
        UsageError: as `campaigns.answers.record_answer`.
    """
    newer, older = _pair(desk_of(request), campaign_id, other or typed.strip())
    _answer(request, user, newer, older, same=True, reason=reason)
    return _done(
        request,
        TIED,
        f"{newer.campaign_id} is {older.campaign_id} gone on. This holds from the next run on.",
    )


@router.get("/campaigns/{campaign_id}/apart")
@allow(Role.ANALYST)
def apart_dialog(request: Request, campaign_id: str, other: str) -> Response:
    desk = desk_of(request)
    newer, older = _pair(desk, campaign_id, other)
    with desk.store.reading() as session:
        said = ties(session, newer.campaign_id)
    return page(
        request, "dialogs/apart.html", newer=newer, older=older, effect=of_parting(newer, older, said)
    )


@router.post("/campaigns/{campaign_id}/apart")
@allow(Role.ANALYST)
def apart(
    request: Request, user: User, campaign_id: str, other: Annotated[str, Form()], reason: Reason = ""
) -> Response:
    """The two are two, whatever was said before."""
    newer, older = _pair(desk_of(request), campaign_id, other)
    _answer(request, user, newer, older, same=False, reason=reason)
    return _done(request, TIED, f"{newer.campaign_id} and {older.campaign_id} are two campaigns.")


# -- what it falls into --------------------------------------------------------------------------------


@router.get("/campaigns/{campaign_id}/split")
@allow(Role.ANALYST)
def split_dialog(request: Request, campaign_id: str) -> Response:
    desk = desk_of(request)
    with desk.store.reading() as session:
        seen = find(session, campaign_id)
        held = holders(select_splits(session))
    own = [one for one in seen.history.wordings if held.get((campaign_id, one), campaign_id) == campaign_id]
    return page(
        request,
        "dialogs/split.html",
        look=seen,
        wordings=own,
        shown=_variants(desk, seen),
        effect=OF_SPLITTING,
    )


@router.post("/campaigns/{campaign_id}/split")
@allow(Role.ANALYST)
def split(
    request: Request,
    user: User,
    campaign_id: str,
    wording: Annotated[list[int] | None, Form()] = None,
    reason: Reason = "",
) -> Response:
    """
    Args:
        wording: lasting numbers, from 0, of those that are another campaign.

    Raises:
        UsageError: as `campaigns.splits.record_split`.
    """
    desk = desk_of(request)
    with desk.store.writing() as session:
        find(session, campaign_id)
        made = record_split(
            session, campaign_id, wording or [], reason=reason, author=user.user, clock=desk.clock
        )
    numbers = ", ".join(str(one + 1) for one in made.variants)
    return _done(
        request, TIED, f"Of {campaign_id} these wordings are {made.new_id} from the next run on: {numbers}."
    )


@router.get("/campaigns/{campaign_id}/splits/{split_id}/undo")
@allow(Role.ANALYST)
def unsplit_dialog(request: Request, campaign_id: str, split_id: int) -> Response:
    with desk_of(request).store.reading() as session:
        seen = find(session, campaign_id)
        found = next((one for one in standing_splits(session, campaign_id) if one.id == split_id), None)
    if found is None:
        raise UsageError(f"no split {split_id} of {campaign_id} stands", hint="Somebody took it back.")
    return page(request, "dialogs/unsplit.html", look=seen, split=found)


@router.post("/campaigns/{campaign_id}/splits/{split_id}/undo")
@allow(Role.ANALYST)
def unsplit(request: Request, user: User, campaign_id: str, split_id: int, reason: Reason = "") -> Response:
    """
    Raises:
        UsageError: as `campaigns.splits.take_split_back`.
    """
    desk = desk_of(request)
    with desk.store.writing() as session:
        find(session, campaign_id)
        take_split_back(session, split_id, reason=reason, author=user.user, clock=desk.clock)
    return _done(
        request, TIED, f"The split is taken back. From the next run on its wordings are {campaign_id} again."
    )


# ------------------------------------------------------------------------------------------------------


def _done(request: Request, event: str, told: str) -> Response:
    response = page(request, "dialogs/done.html", told=told)
    response.headers["HX-Trigger"] = event
    return response


def _pair(desk: Desk, campaign_id: str, other: str) -> tuple[Look, Look]:
    """
    Raises:
        UsageError: no other campaign is named.
        HTTPException: nobody knows one of them.
    """
    if not other or other == campaign_id:
        raise UsageError("no other campaign is named", hint="Choose one, or give its id.")
    with desk.store.reading() as session:
        return ordered(find(session, campaign_id), find(session, other))


def _answer(request: Request, user: User, newer: Look, older: Look, *, same: bool, reason: str) -> None:
    desk = desk_of(request)
    desk.store.answer(
        newer.campaign_id,
        older.campaign_id,
        same=same,
        reason=reason,
        author=user.user,
        clock=desk.clock,
    )


def _merging(desk: Desk, one: Look, other: Look) -> list[str]:
    newer, older = ordered(one, other)
    with desk.store.reading() as session:
        effect = of_merging(
            newer,
            older,
            ties(session, newer.campaign_id),
            decided(session, newer.campaign_id),
            decided(session, older.campaign_id),
        )
    tables = _tables(desk, newer) if newer.shown.day == older.shown.day else None
    return effect if tables is None else [*effect, in_both(tables, newer, older)]


def _near(desk: Desk, seen: Look) -> list[tuple[str, str, str]]:
    """(id, title, why) of neighbours on its latest day; none where the files of the run are gone."""
    tables = _tables(desk, seen)
    found = [] if tables is None else neighbours(tables, seen.campaign_id)
    return [(one.campaign_id, one.title, one.why) for one in found]


def _variants(desk: Desk, seen: Look) -> dict[int, tuple[str, int, int]]:
    """(template, prompts, accounts) of the wordings of its latest day, by their numbers."""
    tables = _tables(desk, seen)
    rows = [] if tables is None else tables.rows("variants", "campaign_id", seen.campaign_id).to_pylist()
    return {row["variant"]: (row["template"], row["n_prompts"], row["n_accounts"]) for row in rows}


def _tables(desk: Desk, seen: Look) -> RunTables | None:
    """Of its latest day; None where the files are gone, without which a change can be made all the same."""
    try:
        return desk.tables(desk.published(seen.shown.day))
    except IntegrityError:
        return None
