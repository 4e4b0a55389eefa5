"""What `shoal status` says about how far the runs can be trusted.

Floor, canaries, checks, days that are not there, and whom the matchers of known campaigns met.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from campaigns.errors import ShoalError
from flows.commands.console import counted, safe
from flows.commands.context import run_folder
from flows.commands.show_history import sparkline

if TYPE_CHECKING:
    from rich.text import Text

    from campaigns.entries import KnownMatcher, PublishedRun
    from campaigns.settings import Settings
    from review.soundness import Accepted, HeldBack


def soundness(
    published: Sequence[PublishedRun], known: Sequence[KnownMatcher], settings: Settings
) -> dict[str, Any]:
    """Ready for JSON.

    Args:
        published: the current run of each published day, the oldest first.
        known: the matchers of known campaigns.
    """
    from review.soundness import DAYS_SHOWN, accepted, canary_history, held_back, missing_days

    latest = published[-1] if published else None
    manifest = _manifest(latest, settings)
    shown = [run for run in published if latest and run.day > latest.day - timedelta(days=DAYS_SHOWN)]
    return {
        "detection_floor": manifest.get("detection_floor"),
        "health": manifest.get("health"),
        "canaries": [
            {
                "canary": name,
                "days": [{"day": day.isoformat(), "recall": recall} for day, recall in found.items()],
            }
            for name, found in canary_history(shown).items()
        ],
        "matchers": _matchers(known, shown),
        "accepted": [_as_json(found) for run in shown if (found := accepted(run))],
        "held_back": [_as_json(one) for one in held_back(settings.home, {run.run_id for run in published})],
        "missing_days": [day.isoformat() for day in missing_days([run.day for run in shown])],
    }


def lines(state: dict[str, Any]) -> Iterator[Text]:
    """The same for a terminal."""
    if state["detection_floor"]:
        yield safe("floor  ", "dim") + safe(state["detection_floor"]["sentence"])
    for canary in state["canaries"]:
        found = [day["recall"] for day in canary["days"]]
        bars = f"{sparkline(found, 1)}  {found[-1]:.0%} on {canary['days'][-1]['day']}"
        yield safe("canary ", "dim") + safe(f"{canary['canary']:<9} {bars}")
    if sum(state["matchers"]["states"].values()):
        yield safe("match  ", "dim") + safe(_matchers_in_words(state["matchers"]))
    checks = (state["health"] or {}).get("checks", [])
    judged = [check for check in checks if check["value"] is not None]
    if checks:
        failed = sum(check["failed"] for check in checks)
        told = f"{len(judged)} of {counted(len(checks), 'check')} could be made, {failed} failed"
        yield safe("health ", "dim") + safe(told, "red" if failed else "")
    for check in checks:
        if check["failed"] or (check["value"] is None and check["name"] == "canary recall"):
            yield safe("       ") + safe(f"{check['name']}: {check['sentence']}")
    for run in state["accepted"]:
        told = f"{run['day']} was published over {run['failed']}, by {run['by']}: {run['reason']}"
        yield safe("health ", "dim") + safe(told, "yellow")
    for run in state["held_back"]:
        yield safe("health ", "dim") + safe(f"{run['day']} is held back. {' '.join(run['failed'])}", "red")
    if state["missing_days"]:
        yield safe("missing ", "dim") + safe(", ".join(state["missing_days"]), "yellow")


def _manifest(run: PublishedRun | None, settings: Settings) -> dict[str, Any]:
    """That of the run, empty if its files are gone: `shoal verify` says so."""
    if run is None:
        return {}
    try:
        return run_folder(settings, run).manifest()
    except ShoalError:
        return {}


def _as_json(found: Accepted | HeldBack) -> dict[str, Any]:
    return asdict(found) | {"day": found.day.isoformat()}


def _matchers(known: Sequence[KnownMatcher], published: Sequence[PublishedRun]) -> dict[str, Any]:
    """How many are in which state, and the prompts of strangers that any live one accepted, night by night."""
    from campaigns.collisions import upper_bound
    from campaigns.records import MatcherState

    nights = [run.counts for run in published if int(run.counts.get("collide.live", 0))]
    met, suspected = (
        sum(int(counts[f"collide.{name}"]) for counts in nights) for name in ("met", "met_suspected")
    )
    prompts = sum(int(counts["collide.prompts"]) for counts in nights)
    return {
        "states": {state.value: sum(entry.state is state for entry in known) for state in MatcherState},
        "shown": sum(entry.shown for entry in known),
        "days": len(nights),
        "prompts": prompts,
        "met": met,
        "bound": upper_bound(met, prompts),
        "met_suspected": suspected,
        "bound_suspected": upper_bound(suspected, prompts),
    }


def _matchers_in_words(found: dict[str, Any]) -> str:
    states = dict(found["states"])
    live = states.pop("usable")
    refused = ", ".join(f"{number:,} {state}" for state, number in states.items() if number)
    said = f"{counted(live, 'matcher')} live, {found['shown']:,} of them shown to meet the target"
    if refused:
        said += f"; refused: {refused}"
    if found["days"]:
        said += (
            f". Those live at the time met strangers in {found['met']:,} of {counted(found['prompts'], 'prompt')} on "
            f"{counted(found['days'], 'day')}; those of suspected campaigns in {found['met_suspected']:,}, "
            f"at most {found['bound_suspected']:.2g}"
        )
    return said
