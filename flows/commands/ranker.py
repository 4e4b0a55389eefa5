"""`shoal ranker`: what is learned from decisions, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from flows.commands.console import console, counted, print_json, safe, say, table
from flows.commands.context import Call, Json

if TYPE_CHECKING:
    from rich.table import Table

    from accounts.ranking import Ranker, Tally


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
