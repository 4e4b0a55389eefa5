"""`shoal explain-prompt`: why one prompt is in its family, or in none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say, table, tier_text
from flows.commands.context import Call, Day, Json, published, run_folder

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from campaigns.runs import Run
    from flows.explain.records import Explanation, FamilyView, Feature, Matched, Neighbour

_PROMPT_CHARACTERS: Final = 1_500
_TEXT_CHARACTERS: Final = 70
_WORDS_CHARACTERS: Final = 60
_DAYS_SEARCHED: Final = 31
_STYLES: Final = {"core": "bold green", "scaffold": "cyan", "slot": "dim"}


def explain_prompt(
    ctx: typer.Context,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT_ID", help="A prompt's id, as in the traffic.")],
    day: Day = None,
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", help="A run's id, published or not, as 2026-01-05.1.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say why a prompt is in its family, or in none.

    Shows the words that it shares with other accounts, what it carries of the family's core, whether the template
    matches it, the prompts nearest to it, and which guard keeps it out. Words that mark the family are bold, other
    words that recur are coloured, the rest is slot.

    [bold]Examples[/bold]
      shoal explain-prompt p-000017
      shoal explain-prompt p-000017 --day 2026-01-05
      shoal explain-prompt p-000017 --run 2026-01-05.2
      shoal explain-prompt p-000017 --json | jq '.reasons'
    """
    call: Call = ctx.obj
    if run and day is not None:
        raise UsageError("--run and --day name two runs", hint="Leave one of them out.")
    from flows.explain.lookup import absent, find_prompt
    from flows.explain.prompt import explain

    chosen = _run_named(call, run) if run else _published_run(call, day)
    sent = find_prompt(chosen, prompt)
    if sent is None:
        raise absent(chosen, prompt, _other_days(call, chosen.day))
    found = explain(chosen, sent, call.settings)
    if as_json:
        print_json(found.as_json())
        return
    printer = console()
    for block in _blocks(found):
        printer.print(block)
    if found.family is not None:
        say(f"next: shoal show {found.family.campaign_id} --day {found.day}", quiet=call.quiet)


def _published_run(call: Call, day: date | None) -> Run:
    with call.store() as store:
        return run_folder(call.settings, published(store, day))


def _run_named(call: Call, name: str) -> Run:
    from campaigns.runs import attempts, days

    home = call.settings.home
    known = [run for day in days(home) if name.startswith(day.isoformat()) for run in attempts(home, day)]
    for run in known:
        if run.run_id == name and run.complete:
            return run
    complete = [run.run_id for run in known if run.complete]
    raise UsageError(
        f"no finished run {name!r}",
        where=str(home),
        hint=f"There is {', '.join(complete)}."
        if complete
        else "`shoal status` lists the days that have one.",
    )


def _other_days(call: Call, but: date) -> Iterator[Run]:
    """Published runs of other days, the latest first."""
    with call.store() as store:
        days = [day for day in store.published_days() if day != but]
        entries = [store.current_run(day) for day in sorted(days, reverse=True)[:_DAYS_SEARCHED]]
    for entry in entries:
        if entry is not None:
            yield run_folder(call.settings, entry)


# -- on the terminal -----------------------------------------------------------------------------------


def _blocks(found: Explanation) -> Iterator[RenderableType]:
    yield _verdict(found)
    for reason in found.reasons:
        yield safe("· ") + safe(reason.sentence)
    yield ""
    yield _facts(found)
    yield _heading("Prompt")
    yield marked_prompt(found)
    yield ""
    if found.family is not None:
        yield _core(found.family, "What marks the family")
    elif found.features:
        yield _features(found)
    for template in found.templates:
        yield from _template(template)
    for family in found.near:
        yield _core(family, f"Near to {family.campaign_id}, carries {family.carried:.0%} of its core")
    yield from _neighbours("Nearest prompts of the family", found.members)
    yield from _neighbours("Examples of the family", found.exemplars)
    yield from _neighbours("Nearest prompts of other accounts", found.neighbours)
    yield from _neighbours("Nearest by meaning", found.alike)


def _verdict(found: Explanation) -> Text:
    family = found.family
    if family is None:
        return safe("in no family: ", "bold") + safe(found.reasons[0].guard, "bold yellow")
    place = "a core member" if family.is_core else "a border member"
    title = safe(family.title, "bold", limit=_WORDS_CHARACTERS)
    return safe(f"{place} of {family.campaign_id}, ", "bold") + title


def _facts(found: Explanation) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    rows: list[tuple[str, Text]] = [
        ("prompt", safe(f"{found.prompt_id} from {found.account_id}")),
        ("run", safe(found.run_id)),
        (
            "copies",
            safe(
                f"{counted(found.n_prompts, 'prompt')} of this text, from {counted(found.n_accounts, 'account')}"
            ),
        ),
        ("evasion marks", safe(f"{found.evasion_marks:,} in {counted(found.n_tokens, 'token')}")),
    ]
    if found.family is not None:
        family = found.family
        size = f"{counted(family.n_prompts, 'prompt')} from {counted(family.n_accounts, 'account')}"
        rows += [
            ("family", safe(f"{family.campaign_id}  ") + tier_text(family.tier) + safe(f"  {size}")),
            (
                "strength",
                safe(
                    f"{family.strength:.2f} under the reading that found the family; carries {family.carried:.0%} of "
                    f"the {counted(family.n_core, 'feature')} it is known again by"
                ),
            ),
        ]
    else:
        shared = (
            f"{counted(found.n_features, 'feature')} that {found.minimum_accounts} accounts or more share"
        )
        rows.append(("scaffold", safe(shared)))
    for name, value in rows:
        grid.add_row(safe(name, "dim"), value)
    grid.add_row("")
    return grid


def _heading(text: str) -> Text:
    return safe(text, "bold underline")


def marked_prompt(found: Explanation) -> Text:
    """The prompt, cut, with its roles in styles."""
    made = safe("")
    left = _PROMPT_CHARACTERS
    for part in found.parts:
        if left <= 0:
            break
        shown = safe(part.text, _STYLES[part.role], limit=left, multiline=True)
        made.append_text(shown)
        left -= len(shown)
    return made


def _core(family: FamilyView, title: str) -> Table:
    made = table("", "how", "words", "nats", "accounts", right=("nats", "accounts"), title=title)
    for feature in family.core:
        made.add_row(
            safe("carries", "green") if feature.carried else safe("lacks", "yellow"),
            *_words(feature),
            safe(f"{feature.weight:.2f}"),
            safe(f"{feature.accounts:,}"),
        )
    return made


def _features(found: Explanation) -> Table:
    title = f"What it shares with other accounts, {len(found.features)} of {found.n_features:,}"
    made = table("how", "words", "nats", "accounts", right=("nats", "accounts"), title=title)
    for feature in found.features:
        weight = "" if feature.weight is None else f"{feature.weight:.2f}"
        made.add_row(*_words(feature), safe(weight), safe(f"{feature.accounts:,}"))
    return made


def _words(feature: Feature) -> tuple[Text, Text]:
    return safe(feature.kind, "dim"), safe(" ".join(feature.words.split()), limit=_WORDS_CHARACTERS)


def _template(matched: Matched) -> Iterator[RenderableType]:
    yield _heading(f"Template of {matched.campaign_id}")
    yield safe(matched.template, limit=_PROMPT_CHARACTERS, multiline=True)
    verdict = (
        "matches the prompt"
        if matched.accepts
        else "matches inside the prompt"
        if matched.inside
        else "does not match the prompt: it lacks a constant, or has them in another order"
    )
    yield safe("· ") + safe(verdict, "green" if matched.inside else "yellow")
    yield safe("· ") + safe(f"against other traffic: {matched.state}; {matched.reason}")
    for number, slot in enumerate(matched.slots, 1):
        yield safe(f"  {{{number}:{slot.kind}}} ", "bold") + safe(slot.value, limit=_TEXT_CHARACTERS)
    yield ""


def _neighbours(title: str, rows: Sequence[Neighbour]) -> Iterator[Table]:
    if not rows:
        return
    figures = ("prompts", "accounts", "shared", "nats")
    last = "cosine" if rows[0].cosine is not None else "nats"
    made = table(
        "prompt", "account", "campaign", *figures[:3], last, "text", right=(*figures, "cosine"), title=title
    )
    for row in rows:
        figure = f"{row.nats:.0f}" if row.cosine is None else f"{row.cosine:.2f}"
        made.add_row(
            safe(row.prompt_id),
            safe(row.account_id),
            safe(row.campaign_id or "–"),
            safe(f"{row.n_prompts:,}"),
            safe(f"{row.n_accounts:,}"),
            safe(f"{row.shared:,}"),
            safe(figure),
            safe(row.text, limit=_TEXT_CHARACTERS),
        )
    yield made
