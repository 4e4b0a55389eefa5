"""`shoal explain`: all that is known of one account, and why; what an appeal is answered from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.display import safe_text
from flows.commands.console import console, counted, print_json, safe, say
from flows.commands.context import Call, Json

if TYPE_CHECKING:
    from review.account import AccountDay
    from review.appeal import Known, Told


def explain(
    ctx: typer.Context,
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="An account as in the traffic, or its pseudonym.")
    ],
    as_json: Json = False,
) -> None:
    """Tell everything that is known of one account, and why: days, campaigns, decisions, messages, allow-list.

    It begins with what a person has to know for an appeal, and ends with what it could not see. Where nothing is known
    it says so, and leaves with 0.

    [bold]Examples[/bold]
      shoal explain acct-17
      shoal explain acct-17 --json
    """
    from flows.erase import forms
    from review.appeal import read_known

    call: Call = ctx.obj
    settings = call.settings
    with call.store() as store:
        known = read_known(store, settings.home, forms(account, settings))
    if as_json:
        print_json({"known": not known.nothing, "campaigns": known.names, **asdict(known)})
        return
    for line in _lines(known):
        console().print(safe(line), soft_wrap=True)
    if known.messages:
        say("next: shoal decide CAMPAIGN --undo --reason WHY takes a confirmation back", quiet=call.quiet)


def _lines(known: Known) -> Iterator[str]:
    if known.tombstone is not None:
        stone = known.tombstone
        yield f"The account was erased on {stone.erased_at:%Y-%m-%d} by {stone.author}: {stone.reason}"
        if not stone.counts:
            yield "The erasure was cut short. Run the same `shoal erase` again."
    if known.nothing:
        yield "Nothing else is known of it." if known.tombstone else "Nothing is known of this account."
    else:
        yield from _in_short(known)
    for day in known.days:
        yield ""
        yield from _day(day)
    if known.decisions:
        yield ""
        yield "Decisions about campaigns that the account was in:"
    for one in known.decisions:
        decision = one.decision
        what = decision.verdict or f"undo of decision {decision.undoes}"
        role = "names it" if one.is_core else "does not name it: it passed by"
        state = ", stands" if one.stands else ""
        yield (
            f"  {decision.created_at:%Y-%m-%d} {decision.author}: {decision.campaign_id} {what}{state}; the run"
            f" {decision.run_id} {role}. {_shown(decision.reason)}"
        )
    if known.messages:
        yield ""
        yield "Messages to enforcement:"
    for message in known.messages:
        yield f"  {_message(message)}"
    if known.allowed:
        yield ""
        yield "The allow-list covers it:"
    for entry, what in known.allowed:
        until = f"until {entry.expires_on}" if entry.expires_on else "for good"
        yield f"  {entry.name}, {what}, {until}: {_shown(entry.reason)} ({_shown(entry.author)})"
    if known.unread:
        yield ""
        runs = counted(len(known.unread), "run")
        yield f"What {runs} said of it cannot be read, the files are gone or damaged: {', '.join(known.unread)}"


def _in_short(known: Known) -> Iterator[str]:
    days = [day for day in known.days if day.campaigns]
    if not days:
        if known.days:
            yield f"It sent prompts on {counted(len(known.days), 'day')} and is in no campaign of them."
    else:
        named = [day for day in days if any(one.is_core for one in day.campaigns)]
        yield (
            f"On {counted(len(days), 'day')} of {len(known.days)} its prompts are in a campaign; on {len(named)} it is"
            f" named as one of its accounts, the latest on {named[0].day if named else 'none'}."
        )
    acted = [one for one in known.messages if one.named]
    standing = {one.campaign_id: one for one in acted}
    left = [one for one in standing.values() if one.effect == "confirmed"]
    if left:
        yield f"Enforcement was told to act on it, for {', '.join(sorted(one.campaign_id for one in left))}."
    elif acted:
        yield "Enforcement was told to act on it, and that this no longer stands."
    else:
        yield "Enforcement was never told to act on it."


def _day(day: AccountDay) -> Iterator[str]:
    yield f"{day.day} (run {day.run_id}):"
    for one in day.campaigns:
        role = "named" if one.is_core else "not named: it passed by"
        yield (
            f"  {one.campaign_id} {_shown(one.title)} ({one.tier}), {role}: {counted(one.n_prompts, 'prompt')},"
            f" {one.share:.0%} of what it sent; strength {one.strength:.2f}"
        )
        for reason in one.reasons:
            yield f"    {_shown(reason)}"
    for left, right in day.bridges:
        yield f"  It connects {left.campaign_id} and {right.campaign_id}, which makes them no operator's."
    if not day.campaigns and not day.bridges:
        yield "  in no campaign"


def _message(one: Told) -> str:
    role = "names it" if one.named else "tells of it as a later one, not to be acted upon"
    body = "" if one.known else "; the body is not kept"
    how = "; ".join(
        f"{to.sink}: {to.state}{f' {to.at:%Y-%m-%d %H:%M}' if to.at else ''}" for to in one.deliveries
    )
    return f"{one.created_at:%Y-%m-%d} {one.message_id} {one.effect}, {role}{body} ({how or 'has not left'})"


def _shown(text: str) -> str:
    return safe_text(text, 200)
