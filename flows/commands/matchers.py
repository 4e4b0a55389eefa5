"""`shoal match --list`: what is known, whether it is sought, and whom it met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flows.commands.console import console, counted, print_json, safe, table

if TYPE_CHECKING:
    from rich.text import Text

    from campaigns.entries import KnownMatcher, Seed


def list_known(
    known: Sequence[KnownMatcher], seeds: Sequence[KnownMatcher], told: Sequence[Seed], *, as_json: bool
) -> None:
    if as_json:
        rows = [_told(entry) | {"seed": False} for entry in known]
        print_json(rows + [_told(entry) | {"seed": True} for entry in seeds])
        return
    columns = ("strangers met", "target", "state", "by its words", "template")
    shown = table("campaign", "wording", *columns, right=("wording",))
    for entry in known:
        shown.add_row(safe(entry.campaign_id, "bold"), safe(entry.variant), *_measures(entry))
    console().print(shown)
    if not seeds:
        return
    by = {seed.seed_id: f"{seed.partner}, TLP:{seed.tlp.upper()}" for seed in told}
    shown = table(
        "seed",
        "told by",
        *columns,
        title="Seeds, what partners told of",
    )
    for entry in seeds:
        shown.add_row(safe(entry.campaign_id, "bold"), safe(by[entry.campaign_id]), *_measures(entry))
    console().print(shown)


def _measures(entry: KnownMatcher) -> Iterator[Text]:
    """Whom it met, whether it is sought, and the template."""
    from labeling.template import template_from_json

    live = entry.state == "usable"
    yield safe(met_in_words(entry) if entry.organic_prompts else "never measured")
    yield safe(("shown" if entry.shown else "not yet shown") if live else "")
    yield safe(_sought(entry))
    yield safe("" if entry.cover is None else _state(entry.cover.state, entry.cover.reason))
    yield safe(template_from_json(entry.template_json).display(), limit=80)


def met_in_words(entry: KnownMatcher) -> str:
    """As in "1 of 35,412 prompts (1 account) on 3 days, at most 0.00013"."""
    accounts = f" ({counted(entry.organic_accounts, 'account')})" if entry.organic_matches else ""
    of = f"{entry.organic_matches:,} of {counted(entry.organic_prompts, 'prompt')}{accounts}"
    members = f"; {entry.of_members:,} more of its members" if entry.of_members else ""
    return f"{of} on {counted(entry.days, 'day')}, at most {entry.collision_bound:.2g}{members}"


def _sought(entry: KnownMatcher) -> str:
    if entry.state == "usable" and not entry.suspected:
        return "benign: sought with --benign"
    return _state(entry.state, entry.reason)


def _state(state: str, reason: str) -> str:
    return str(state) if state == "usable" else f"{state}: {reason}"


def _told(entry: KnownMatcher) -> dict[str, Any]:
    """Without the words of its cover: codes that nobody can read."""
    value = asdict(entry)
    if entry.cover is not None:
        value["cover"] = {k: v for k, v in value["cover"].items() if k not in ("words", "weights")}
    return value
