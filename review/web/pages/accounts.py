"""One account over the days: its campaigns, why, what was decided of them, and whom the allow-list protects.

The address holds a reference, never the id (`review.web.links`); an id is looked up by what a form sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

import pyarrow as pa
from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from campaigns.allow import select_allowed
from campaigns.called import Called, select_called
from campaigns.decisions import latest, select_decisions
from campaigns.entries import AllowEntry, AllowKind, Decision, PublishedRun, template_hash
from campaigns.errors import IntegrityError, UsageError
from campaigns.published import select_published
from campaigns.sessions import Role
from campaigns.tables import CampaignDayRow, RunRow
from ingest.pseudonyms import KINDS, is_pseudonym, pseudonym
from review.account import AccountDay, Belonging, read_account
from review.naming import naming
from review.run_tables import RunTables
from review.web.access import GuardedRoute, User, allow
from review.web.day_bars import day_bars
from review.web.desk import Desk, desk_of
from review.web.rendering import page

router = APIRouter(route_class=GuardedRoute)

PAGE: Final = 30
"""Published days on a page."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A campaign that the account is in; `days`, the latest first. `called` is None where no day speaks of it now."""

    campaign_id: str
    called: Called | None
    days: tuple[tuple[date, Belonging], ...]
    decision: Decision | None

    @property
    def title(self) -> str:
        return self.called.title if self.called else self.days[0][1].title


@router.get("/accounts")
@allow(Role.VIEWER)
def look_up(request: Request, user: User) -> Response:  # noqa: ARG001
    return page(request, "accounts.html", here="/accounts", keyed=_keyed(desk_of(request)))


@router.post("/accounts")
@allow(Role.VIEWER)
def find(request: Request, user: User, account: Annotated[str, Form()] = "") -> Response:  # noqa: ARG001
    """From an id to its page. Where ids are pseudonyms, the id that the traffic holds is turned into its own."""
    desk = desk_of(request)
    account = account.strip()
    if not account:
        raise UsageError("no account is named", hint="Give the id as the results or the traffic hold it.")
    kind = KINDS["account_id"]
    if _keyed(desk) and not is_pseudonym(account, kind):
        key = desk.settings.secret_key.get_secret_value().encode()
        account = pseudonym(pa.array([account]), key, kind)[0].as_py()
    return RedirectResponse(f"/accounts/{desk.links.reference(account)}", 303)


@router.get("/accounts/{reference}")
@allow(Role.VIEWER)
def account(
    request: Request,
    user: User,  # noqa: ARG001
    reference: str,
    before: date | None = None,
) -> Response:
    """What the published days say of the account, `PAGE` days at a time."""
    desk = desk_of(request)
    account_id = desk.links.account(reference)
    with desk.store.reading() as session:
        published = select_published(session, before=before, limit=PAGE + 1)
        standing = latest(select_decisions(session, in_force=True))
        runs = _runs_of(session, standing.values())
    shown = published[:PAGE]
    days, gone = _read(desk, shown, account_id)
    found = naming(account_id, standing.values(), lambda one: desk.tables(runs[one.run_id]))
    organizations = _organizations(desk, shown, days, account_id)
    names = {one.campaign_id for day in days for one in day.campaigns}
    with desk.store.reading() as session:
        called = select_called(session, [*names, *(one.campaign_id for one in found.decisions)])
        hashes = _template_hashes(session, names)
        touching = [
            entry for entry in select_allowed(session) if _touches(entry, names, hashes, organizations)
        ]
    return page(
        request,
        "account.html",
        here="/accounts",
        account_id=account_id,
        reference=reference,
        keyed=_keyed(desk),
        first=shown[-1].day if shown else None,
        last=shown[0].day if shown else None,
        older=shown[-1].day if len(published) > PAGE else None,
        newer=before is not None,
        memberships=_memberships(days, called, standing),
        bridges=[(day.day, ends) for day in days for ends in day.bridges],
        gone=gone,
        organizations=sorted(organizations),
        named=found,
        called=called,
        allowed=touching,
        today=desk.clock().date(),
        bars=day_bars(
            {day.day: sum(one.n_prompts for one in day.campaigns) for day in days}, [day.day for day in days]
        ),
    )


def _keyed(desk: Desk) -> bool:
    return bool(desk.settings.secret_key.get_secret_value())


def _read(
    desk: Desk, published: Sequence[PublishedRun], account_id: str
) -> tuple[list[AccountDay], list[date]]:
    """(what each day says of the account, days whose files are gone or damaged)"""
    days: list[AccountDay] = []
    gone = []
    for entry in published:
        try:
            days += read_account([desk.tables(entry)], account_id)
        except IntegrityError:
            gone.append(entry.day)
    return days, gone


def _memberships(
    days: Iterable[AccountDay], called: dict[str, Called], standing: dict[str, Decision]
) -> list[Membership]:
    """The campaigns of the most prompts first."""
    found: dict[str, list[tuple[date, Belonging]]] = {}
    for day in days:
        for one in day.campaigns:
            found.setdefault(one.campaign_id, []).append((day.day, one))
    made = [
        Membership(name, called.get(name), tuple(rows), standing.get(name)) for name, rows in found.items()
    ]
    return sorted(made, key=lambda one: (-sum(row.n_prompts for _, row in one.days), one.campaign_id))


def _runs_of(session: Session, decisions: Iterable[Decision]) -> dict[str, PublishedRun]:
    """The runs that decisions rest on; the ledger forgets none."""
    wanted = sorted({one.run_id for one in decisions})
    return {
        row.run_id: row.entry() for row in session.scalars(select(RunRow).where(RunRow.run_id.in_(wanted)))
    }


def _organizations(
    desk: Desk, published: Sequence[PublishedRun], days: Sequence[AccountDay], account_id: str
) -> set[str]:
    """Those that the account had on the latest day that names it in a campaign and still has its prompts."""
    for day in days:
        if day.campaigns:
            tables = desk.tables(next(entry for entry in published if entry.day == day.day))
            try:
                rows = _prompts_of(tables, account_id)
            except IntegrityError:
                continue
            return {row["organization_id"] for row in rows if row["organization_id"] is not None}
    return set()


def _prompts_of(tables: RunTables, account_id: str) -> list[dict[str, str | None]]:
    """Rows of the account's prompts, without texts; no account is in two parts."""
    for path in tables.run.prompt_parts():
        part = f"{path.parent.name}/{path.stem}"
        rows = tables.rows(part, "account_id", account_id, ["account_id", "organization_id"], keep=False)
        if rows.num_rows:
            found: list[dict[str, str | None]] = rows.to_pylist()
            return found
    return []


def _template_hashes(session: Session, campaign_ids: Iterable[str]) -> set[str]:
    """Of all templates that these campaigns ever had as their leading one."""
    query = select(CampaignDayRow.template).where(CampaignDayRow.campaign_id.in_(sorted(campaign_ids)))
    return {template_hash(template) for template in session.scalars(query.distinct())}


def _touches(entry: AllowEntry, campaign_ids: set[str], hashes: set[str], organizations: set[str]) -> bool:
    spoken_of = {
        AllowKind.CAMPAIGN: campaign_ids,
        AllowKind.TEMPLATE: hashes,
        AllowKind.ORGANIZATION: organizations,
    }
    return entry.value in spoken_of[entry.kind]
