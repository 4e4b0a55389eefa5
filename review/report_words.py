"""The prevalence report in words and as Markdown: the sentences that the terminal, Markdown and HTML share."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from campaigns.display import safe_text
from campaigns.estimates import AccountBounds, Estimate
from review.changes import Move, Turnover
from review.report_records import DayFigures, Largest, Report, Row

UNKNOWN: Final = "not known"
MOST_ROWS: Final = 15
TITLE_CHARACTERS: Final = 90
NAME_CHARACTERS: Final = 40
"""Of a model or a country, which come from outside as well."""
HEADINGS: Final = {
    "tier": "By tier",
    "objective": "By objective",
    "model": "By model",
    "country": "By country",
}
READING: Final = {
    "tier": "Shares of all prompts, accounts and tokens.",
    "objective": "Shares of all prompts, accounts and tokens. Suspected are campaigns that are not benign.",
    "model": "Shares of what each model was asked. Suspected are campaigns that are not benign.",
    "country": "Shares of what came from each country. Suspected are campaigns that are not benign.",
}
LARGEST_COLUMNS: Final = ("title", "tier", "objective", "prompts", "accounts", "first seen", "last seen")
_ESCAPED: Final = {
    ord(c): f"\\{c}" for c in string.punctuation if c not in "<>&@,;'\""
} | {ord(c): f"&#{ord(c)};" for c in "<>&@"}  # fmt: skip


def percent(estimate: Estimate) -> str:
    """`12.3 %`, with its interval where there is one."""
    if math.isnan(estimate.value):
        return "–"
    if estimate.exact:
        return part(estimate.value)
    digits = _digits(estimate.value)
    high = f"{100 * estimate.high:.{digits}f}"
    return f"{part(estimate.value)} ({100 * estimate.low:.{digits}f}–{high})"


def part(value: float | None) -> str:
    """A share as `12.3 %`; small ones with more figures."""
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.{_digits(value)}f} %"


def amount(estimate: Estimate) -> str:
    """`12,300`, with its interval where there is one."""
    if estimate.exact:
        return f"{estimate.value:,.0f}"
    high = f"{estimate.high:,.0f}" if math.isfinite(estimate.high) else "?"
    return f"{estimate.value:,.0f} ({estimate.low:,.0f}–{high})"


def bounds(found: AccountBounds) -> str:
    """Accounts of the sample, and between what bounds those of the traffic are."""
    if found.at_most == found.seen:
        return f"{found.seen:,}"
    return f"{found.seen:,} ({found.at_least:,.0f}–{found.at_most:,.0f})"


def days_in_words(days: Sequence[date]) -> str:
    """Runs of days as `2026-01-05 to 2026-01-07, 2026-01-09`."""
    runs: list[list[date]] = []
    for day in days:
        if runs and (day - runs[-1][-1]).days == 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def headline(report: Report) -> str:
    return (
        f"{percent(report.suspected.prompt_share)} of all prompts are in campaigns of the tiers actionable and review, "
        f"{percent(report.whole.prompt_share)} in any campaign."
    )


def notes(report: Report) -> list[str]:
    """What the figures rest on, and what they cannot say."""
    rates = sorted({day.sample_rate for day in report.days})
    said = []
    if rates == [1.0]:
        said.append("All prompts of these days were read: figures are counts, without an error of sampling.")
    else:
        shown = " and ".join(f"{100 * rate:g} %" for rate in rates)
        said.append(
            f"A sample of {shown} of all prompts was read. Prompts and tokens are estimates for all traffic, with "
            "95 % intervals for what the sample leaves open."
        )
        said.append(
            "Accounts are those seen in the sample. Accounts that send little are mostly not in it: how many there are "
            "has no estimate. The two figures beside them are a lower and an upper bound."
        )
    if report.not_published:
        said.append(f"Not published, and in no figure: {days_in_words(report.not_published)}.")
    if report.without_table:
        said.append(
            f"Published before prevalence was counted, and in no figure: {days_in_words(report.without_table)}."
        )
    if report.token_coverage < 1:
        said.append(
            f"Token figures are there for {part(report.token_coverage)} of the prompts; the rest counts as none."
        )
    said.append("A campaign too small for the detection floor of its day counts as none.")
    return said


def model_of(move: Move) -> str:
    return safe_text(move.model, NAME_CHARACTERS)


def told(move: Move) -> str:
    """A change of model in words, with its figures."""
    model = model_of(move)
    lost = f", away from {safe_text(move.from_model, NAME_CHARACTERS)}" if move.from_model is not None else ""
    came = f" {model} was first seen in this traffic on {move.first_seen}." if move.first_seen else ""
    chance = "less than 1 in 10,000" if move.p_value < 1e-4 else f"{move.p_value:.4f}"
    return (
        f"From {move.day} on, {part(move.after)} of {move.n_after:,} prompts went to {model}{lost}; before, "
        f"{part(move.before)} of {move.n_before:,}. Other traffic: {part(move.others_before)} before, "
        f"{part(move.others_after)} after.{came} Chance of as much without a change: {chance}."
    )


REPLACED_COLUMNS: Final = ("new", "usual", "gone", "usual", "accounts")
"""The usual figures are those of all accounts of the traffic; accounts are the mean of a day."""


def replaced(turnover: Turnover) -> tuple[str, ...]:
    """The cells of `REPLACED_COLUMNS`."""
    return (
        part(turnover.new_share),
        part(turnover.usual_new),
        part(turnover.gone_share),
        part(turnover.usual_gone),
        f"{turnover.accounts:,.0f}",
    )


def kind_columns(kind: str) -> tuple[str, ...]:
    """Heads of `kind_cells`; a tier is suspected as a whole, or not."""
    suspected = () if kind == "tier" else ("suspected",)
    return ("of prompts", *suspected, "of accounts", "of tokens", "prompts in campaigns")


def kind_cells(kind: str, row: Row) -> tuple[str, ...]:
    suspected = () if kind == "tier" else (percent(row.suspected_share),)
    return (
        percent(row.prompt_share),
        *suspected,
        part(row.account_share),
        percent(row.token_share),
        amount(row.prompts),
    )


def day_columns(tiers: Sequence[str]) -> tuple[str, ...]:
    """Heads of `day_cells`."""
    return ("prompts", "suspected", *tiers, "accounts in campaigns")


def day_cells(day: DayFigures) -> tuple[str, ...]:
    tiers = [percent(estimate) for estimate in day.tiers.values()]
    return (amount(day.prompts), percent(day.suspected), *tiers, bounds(day.accounts))


def name_of(row: Row) -> str:
    return UNKNOWN if row.name is None else safe_text(row.name, NAME_CHARACTERS)


def markdown(report: Report) -> str:
    """The report as CommonMark with tables; text from outside is escaped character by character."""
    return "\n".join(_markdown(report)).rstrip() + "\n"


def _markdown(report: Report) -> Iterator[str]:
    yield f"# Prevalence of campaigns, {report.first} to {report.last}\n"
    yield headline(report) + "\n"
    yield from (f"- {note}" for note in notes(report))
    yield "\n## By day\n"
    tiers = list(report.days[0].tiers)
    yield from _table(
        ("day", *day_columns(tiers)),
        [(str(day.day), *day_cells(day)) for day in report.days],
    )
    for kind, rows in report.kinds.items():
        yield f"\n## {HEADINGS[kind]}\n"
        yield READING[kind] + "\n"
        yield from _table(
            (kind, *kind_columns(kind)),
            [(escaped(name_of(row)), *kind_cells(kind, row)) for row in rows[:MOST_ROWS]],
        )
        yield from _more(len(rows))
    yield "\n## Largest campaigns\n"
    yield from _table(LARGEST_COLUMNS, [_largest(one) for one in report.largest[:MOST_ROWS]])
    yield from _more(len(report.largest))
    yield "\n## Moved to another model\n"
    yield from [
        f"- **{escaped(move.operator)}** ({escaped(move.title, TITLE_CHARACTERS)}): {escaped(told(move))}"
        for move in report.moves
    ] or [NO_MOVES]
    yield "\n## Accounts replaced since the day before\n"
    yield from (
        _table(
            ("campaign", *REPLACED_COLUMNS),
            [
                (escaped(turnover.title, TITLE_CHARACTERS), *replaced(turnover))
                for turnover in report.turnovers[:MOST_ROWS]
            ],
        )
        if report.turnovers
        else [NO_TURNOVERS]
    )
    yield from _more(len(report.turnovers))


NO_MOVES: Final = "No operator whose counts bear saying so."
NO_TURNOVERS: Final = "No suspected campaign was seen on two published days in a row."


def escaped(text: str, limit: int | None = None) -> str:
    """Text from outside, as Markdown that shows it and does nothing else."""
    return safe_text(text, limit).translate(_ESCAPED)


def _largest(one: Largest) -> tuple[str, ...]:
    return (
        escaped(one.title, TITLE_CHARACTERS),
        one.tier,
        escaped(one.objective),
        amount(one.prompts),
        f"{one.accounts:,}",
        str(one.first_seen),
        str(one.last_seen),
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(columns) + " |"
    yield "| " + " | ".join("---" for _ in columns) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _more(rows: int) -> Iterator[str]:
    if rows > MOST_ROWS:
        yield f"\nAnd {rows - MOST_ROWS:,} more; JSON holds all."


def _digits(value: float) -> int:
    return 1 if value >= 0.01 or value == 0 else 2
