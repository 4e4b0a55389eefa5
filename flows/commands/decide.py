"""`shoal decide`, `shoal decisions`, `shoal ranker`: what analysts say of campaigns, and what is learned from it."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say, table
from flows.commands.context import DAY_FORM, Call, Json
from flows.commands.ids import resolve

if TYPE_CHECKING:
    from rich.table import Table

    from accounts.ranking import Ranker, Tally
    from campaigns.entries import Decision
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
    as_json: Json = False,
) -> None:
    """Decide what a campaign is: confirm, dismiss or watch. A reason is required.

    Decisions are only added. The latest that was not taken back stands. A decision changes no tier and bans
    nobody; enough of them teach `shoal ranker` to sort the review queue. A dismissal is not an allow-list
    entry: the campaign is judged anew each day.

    [bold]Examples[/bold]
      shoal decide c-4f2a confirm --reason "no topics of their own"
      shoal decide c-4f2a dismiss --reason "a course" --day 2026-01-05
      shoal decide c-4f2a --undo --reason "wrong campaign"
    """
    from campaigns.entries import Verdict

    if undo == (verdict is not None):
        raise UsageError(
            "say confirm, dismiss or watch, or --undo", hint=f'shoal decide {campaign} confirm --reason "..."'
        )
    if undo and day is not None:
        raise UsageError("--undo takes no --day", hint="It takes back the decision that stands.")
    call: Call = ctx.obj
    by = author or getpass.getuser()
    with call.store() as store:
        if verdict is None:
            made = store.undo(_standing(store, campaign).id, reason=reason, author=by)
        else:
            made = store.decide(
                resolve(store, campaign), Verdict(_VERDICTS[verdict]), reason=reason, author=by, day=day
            )
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


def ranker(ctx: typer.Context, as_json: Json = False) -> None:
    """Train on the decisions at hand; say how far to trust the ranker on decisions it has not seen.

    It sorts the review queue from the next run on, once there are enough decisions and it beats a guess. It
    never changes a tier.

    [bold]Examples[/bold]
      shoal ranker
      shoal ranker --json | jq .reliability.auc
    """
    from accounts.ranking import NEEDED, NEEDED_EACH
    from flows.learning import learn

    call: Call = ctx.obj
    with call.store() as store:
        lesson = learn(store, call.settings)
    trained = lesson.ranker
    if as_json:
        print_json(
            {
                "tally": asdict(lesson.tally),
                "needed": {"decisions": NEEDED, "of_each": NEEDED_EACH},
                "enough": lesson.tally.enough,
                "unreadable": lesson.unreadable,
                "reliability": None if trained is None else _reliability_json(trained),
                "weights": None if trained is None else trained.weights,
            }
        )
        return
    printer = console()
    counts = table("to learn from", "there are", "needed", right=("there are", "needed"))
    for what, n, needed in _needs(lesson.tally):
        counts.add_row(safe(what), safe(f"{n:,}"), safe(f"{needed:,}"))
    printer.print(counts)
    if lesson.unreadable:
        lost = counted(lesson.unreadable, "decision")
        say(f"{lost} left out: the files of the run are gone or damaged", quiet=call.quiet)
    if trained is None:
        say("too few decisions: the review queue is sorted by the statistics alone", quiet=call.quiet)
        return
    for block in _blocks(trained):
        printer.print(block)
    said = (
        "the ranker sorts the review queue from the next run on"
        if trained.reliability.helps
        else "no better than a guess: the review queue is sorted by the statistics alone"
    )
    say(said, quiet=call.quiet)


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
        yield f'next: to call it benign from now on, shoal allow add campaign {name} --reason "..."'
    else:
        yield f"next: shoal decisions {name}"


def _phrase(decision: Decision) -> str:
    return "to be watched" if decision.verdict == "watch" else str(decision.verdict)


def _needs(tally: Tally) -> list[tuple[str, int, int]]:
    """(what, how many there are, how many are needed)."""
    from accounts.ranking import NEEDED, NEEDED_EACH

    return [
        ("decisions", tally.decisions, NEEDED),
        ("confirmed", tally.confirmed, NEEDED_EACH),
        ("dismissed", tally.dismissed, NEEDED_EACH),
        ("operators or campaigns confirmed", tally.groups_confirmed, NEEDED_EACH),
        ("operators or campaigns dismissed", tally.groups_dismissed, NEEDED_EACH),
    ]


def _reliability_json(trained: Ranker) -> dict[str, Any]:
    return asdict(trained.reliability) | {"helps": trained.reliability.helps}


def _blocks(trained: Ranker) -> Iterator[Table]:
    found = trained.reliability
    figures = ("decisions", "predicted", "confirmed")
    bins = table(*figures, right=figures, title="Held-out decisions")
    for one in found.bins:
        bins.add_row(safe(one.count), safe(f"{one.predicted:.0%}"), safe(f"{one.observed:.0%}"))
    yield bins
    measures = table("measure", "value", "", right=("value",))
    measures.add_row(
        safe("Brier score"), safe(f"{found.brier:.3f}"), safe(f"a guess has {found.brier_of_mean:.3f}")
    )
    measures.add_row(
        safe("calibration error"),
        safe(f"{found.calibration_error:.3f}"),
        safe("mean distance of predicted and confirmed"),
    )
    measures.add_row(
        safe("AUC"), safe(f"{found.auc:.3f}"), safe("how often a confirmed one ranks above a dismissed one")
    )
    yield measures
    weights = table(
        "signal", "log-odds at its most", right=("log-odds at its most",), title="What weighs most"
    )
    for name, weight in trained.weights.items():
        if weight > 0:
            weights.add_row(safe(name), safe(f"{weight:+.2f}"))
    yield weights
