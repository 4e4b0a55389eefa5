"""`shoal decide` and `shoal decisions`: what analysts say of campaigns."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, print_json, safe, say, table
from flows.commands.context import DAY_FORM, Call, Json
from flows.commands.ids import resolve

if TYPE_CHECKING:
    from campaigns.entries import Decision
    from campaigns.proposals import Acted, Intent, Proposal
    from campaigns.settings import Settings
    from campaigns.store import Store

Choice = Literal["confirm", "dismiss", "watch"]
_VERDICTS: Final = {"confirm": "confirmed", "dismiss": "dismissed", "watch": "watch"}


def decide(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="ID", help="A campaign id, or how it begins.")],
    reason: Annotated[str, typer.Option("--reason", help="What you saw.")],
    verdict: Annotated[
        Choice | None,
        typer.Argument(help="What you make of it: confirm, dismiss or watch.", show_default=False),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the decision that stands.")] = False,
    author: Annotated[str | None, typer.Option("--author", help="Who decides. Default: you.")] = None,
    day: Annotated[
        date | None,
        typer.Option(
            "--day",
            parser=date.fromisoformat,
            metavar=DAY_FORM,
            help="The day you looked at. Default: the campaign's latest.",
        ),
    ] = None,
    until: Annotated[
        date | None,
        typer.Option(
            "--until",
            parser=date.fromisoformat,
            metavar=DAY_FORM,
            help="Last day of a dismissal. Default: review.dismiss_days from now.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide what a campaign is: confirm, dismiss or watch. A reason is required.

    Decisions are only added; the latest that was not taken back stands. They ban nobody and change no tier of a
    published day; enough of them teach `shoal ranker` to sort the review queue. A dismissal that stands is on the
    allow-list until its last day: runs call the campaign benign until then. A confirmation that names more accounts
    than `review.second_person_accounts` waits as a proposal until somebody else approves it.

    [bold]Examples[/bold]
      shoal decide c-4f2a confirm --reason "no topics of their own"
      shoal decide c-4f2a dismiss --reason "a course" --until 2026-06-30
      shoal decide c-4f2a watch --reason "small, but it grows" --day 2026-01-05
      shoal decide c-4f2a --undo --reason "wrong campaign"
    """
    if undo == (verdict is not None):
        raise UsageError(
            "say confirm, dismiss or watch, or --undo", hint=f'shoal decide {campaign} confirm --reason "..."'
        )
    if undo and day is not None:
        raise UsageError("--undo takes no --day", hint="It takes back the decision that stands.")
    if until is not None and verdict != "dismiss":
        raise UsageError("only a dismissal has a last day", hint="Leave out --until.")
    call: Call = ctx.obj
    by = author or getpass.getuser()
    with call.store() as store:
        if verdict is None:
            made = store.undo(_standing(store, campaign).id, reason=reason, author=by)
        else:
            intent = _intent(call.settings, store, resolve(store, campaign), verdict, reason, by, until)
            acted = _act(call.settings, store, intent, day)
            if acted.proposal is not None:
                _tell_proposal(acted.proposal, as_json=as_json, quiet=call.quiet)
                return
            (made,) = acted.decisions
        stands = store.standing(made.campaign_id).get(made.campaign_id)
    if as_json:
        print_json(asdict(made))
        return
    for line in _told(made, stands):
        say(line, quiet=call.quiet)


def decisions(
    ctx: typer.Context,
    campaign: Annotated[
        str, typer.Argument(metavar="ID", help="A campaign id, or how it begins. Default: all.")
    ] = "",
    as_json: Json = False,
) -> None:
    """List decisions, oldest first, also about campaigns that no day speaks of any longer.

    [bold]Examples[/bold]
      shoal decisions
      shoal decisions c-4f2a --json
    """
    call: Call = ctx.obj
    with call.store() as store:
        found = [one for one in store.decisions() if one.campaign_id.startswith(campaign)]
        stands = {one.id for one in store.standing().values()}
    if as_json:
        print_json([asdict(one) | {"stands": one.id in stands} for one in found])
        return
    if not found:
        say('no decisions: shoal decide ID confirm --reason "..."', quiet=call.quiet)
        return
    undone = {one.undoes: one.id for one in found}
    made = table("decision", "campaign", "day", "verdict", "", "reason", "author", "at", right=("decision",))
    for one in found:
        state = "stands" if one.id in stands else f"undone by {undone[one.id]}" if one.id in undone else ""
        said = one.verdict or f"undo of {one.undoes}"
        at = f"{one.created_at:%Y-%m-%d %H:%M}"
        cells = (one.id, one.campaign_id, one.day, said, state, one.reason, one.author, at)
        made.add_row(*(safe(cell) for cell in cells))
    console().print(made)


def _standing(store: Store, given: str) -> Decision:
    """The decision that stands about the campaign whose id is, or begins with, `given`.

    Raises:
        UsageError: no such campaign, several, or no decision about it stands.
    """
    standing = store.standing()
    found = [given] if given in standing else [name for name in standing if given and name.startswith(given)]
    name = found[0] if len(found) == 1 else resolve(store, given)
    if name not in standing:
        raise UsageError(f"no decision about {name} stands", hint=f"`shoal decisions {name}` lists them all.")
    return standing[name]


def _intent(
    settings: Settings, store: Store, name: str, choice: Choice, reason: str, author: str, until: date | None
) -> Intent:
    """What is wanted of the campaign as its latest run shows it, with how many accounts a confirmation names."""
    from campaigns.entries import Verdict, utc_now
    from campaigns.named import named_accounts
    from campaigns.proposals import Intent, Target
    from review.dry_run import look

    verdict = Verdict(_VERDICTS[choice])
    with store.reading() as session:
        (row,) = look(session, [name]).rows
    n_accounts = named_accounts(settings.home, [row]).together if verdict == Verdict.CONFIRMED else 0
    if verdict == Verdict.DISMISSED and until is None:
        until = utc_now().date() + timedelta(days=settings.review.dismiss_days)
    target = Target(campaign_id=name, day=row.last_day, run_id=row.run_id, n_accounts=n_accounts)
    return Intent(
        verdict=verdict,
        targets=(target,),
        n_accounts=n_accounts,
        reason=reason,
        author=author,
        expires_on=until,
    )


def _act(settings: Settings, store: Store, intent: Intent, day: date | None) -> Acted:
    from campaigns.proposals import act

    with store.writing() as session:
        return act(session, intent, second_person_accounts=settings.review.second_person_accounts, day=day)


def _tell_proposal(proposal: Proposal, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json({"proposal": asdict(proposal)})
        return
    (target,) = proposal.targets
    say(
        f"proposal {proposal.id}: {target.campaign_id} names {proposal.n_accounts:,} accounts, more than one person "
        f'confirms alone; it waits for a second one\nnext: somebody else: shoal approve {proposal.id} --reason "..."',
        quiet=quiet,
    )


def _told(made: Decision, stands: Decision | None) -> Iterator[str]:
    name = made.campaign_id
    if made.undoes is None:
        yield f"decision {made.id}: {name} is {_phrase(made)}, as seen on {made.day}"
    else:
        yield f"decision {made.undoes} taken back; " + (
            f"{name} is {_phrase(stands)} again, by decision {stands.id}"
            if stands
            else f"none about {name} stands"
        )
    if made.verdict == "dismissed":
        last = f"until {made.expires_on}" if made.expires_on else "for good"
        yield f"it is on the allow-list {last}, from the next run on"
        yield f'next: to take it back, shoal decide {name} --undo --reason "..."'
    else:
        yield f"next: shoal decisions {name}"


def _phrase(decision: Decision) -> str:
    return "to be watched" if decision.verdict == "watch" else str(decision.verdict)
