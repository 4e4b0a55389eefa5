"""The prevalence report as one page that needs nothing else, and runs nothing: no script, no network, no other file.

Titles are written by hostile people. Everything from outside is spelled out by `campaigns.display` and escaped for
HTML; the Content-Security-Policy lets one style through, by its SHA-256, and no script at all. Charts are SVG made here
from numbers; each stands beside the table that says the same.

Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from campaigns.display import safe_text
from campaigns.estimates import Estimate
from review import report_words as words
from review.report_charts import bar, tone, trend, widest
from review.report_records import DayFigures, Largest, Report, Row
from review.report_words import MOST_ROWS, TITLE_CHARACTERS

_FOLDER: Final = Path(__file__).parent / "templates"


def page(report: Report) -> str:
    """The whole page."""
    style = (_FOLDER / "report.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src '{_csp_hash(style)}'; base-uri 'none'; form-action 'none'"
    return Template((_FOLDER / "report.html").read_text(encoding="utf-8")).substitute(
        policy=policy,
        style=style,
        first=report.first.isoformat(),
        last=report.last.isoformat(),
        cards="\n".join(_cards(report)),
        notes="\n".join(f"<li>{_text(note)}</li>" for note in words.notes(report)),
        trend=_trend(report.days),
        kinds="\n".join(_kind(kind, rows) for kind, rows in report.kinds.items()),
        largest=_largest(report.largest),
        moves="\n".join(_moves(report)),
        turnovers=_turnovers(report),
    )


def _cards(report: Report) -> Iterator[str]:
    whole, suspected = report.whole, report.suspected
    for name, estimate in (
        ("of prompts", suspected.prompt_share),
        ("of tokens", suspected.token_share),
    ):
        span = "" if estimate.exact else _span(estimate)
        yield _card(words.part(estimate.value), f"{name} in suspected campaigns", span)
    yield _card(
        words.part(suspected.account_share), "of accounts in suspected campaigns", "of those seen a day"
    )
    yield _card(
        words.part(whole.prompt_share.value),
        "of prompts in any campaign",
        "" if whole.prompt_share.exact else _span(whole.prompt_share),
    )


def _card(figure: str, name: str, more: str) -> str:
    shown = f"<span>{_text(more)}</span>" if more else ""
    return f"<li><strong>{_text(figure)}</strong><em>{_text(name)}</em>{shown}</li>"


def _span(estimate: Estimate) -> str:
    return f"{words.part(estimate.low)} to {words.part(estimate.high)}"


# -- tables --------------------------------------------------------------------------------------------


def _trend(days: Sequence[DayFigures]) -> str:
    tiers = list(days[0].tiers)
    body = [_Line(day.day.isoformat(), [_figure(cell) for cell in words.day_cells(day)]) for day in days]
    key = "".join(f'<li class="{tone(tier)}">{_text(tier)}</li>' for tier in tiers)
    table = _table("trend", ("day", *words.day_columns(tiers)), body)
    return f'<figure><ul class="key">{key}</ul>{trend(days)}</figure>{table}'


def _kind(kind: str, rows: Sequence[Row]) -> str:
    shown = rows[:MOST_ROWS]
    most = widest([row.prompt_share for row in shown])
    body = [
        _Line(
            _text(words.name_of(row)),
            [_figure(cell) for cell in words.kind_cells(kind, row)],
            bar(row.prompt_share, most, row.name if kind == "tier" and row.name else "plain"),
        )
        for row in shown
    ]
    return (
        f'<section aria-labelledby="by-{kind}"><h2 id="by-{kind}">{words.HEADINGS[kind]}</h2>'
        f"<p>{words.READING[kind]}</p>{_table('kind', (kind, *words.kind_columns(kind)), body)}{_more(len(rows))}"
        "</section>"
    )


def _largest(rows: Sequence[Largest]) -> str:
    shown = rows[:MOST_ROWS]
    most = widest([one.prompts for one in shown])
    body = [
        _Line(
            _titled(one.title, one.campaign_id, one.tier, one.objective),
            [
                _figure(words.amount(one.prompts)),
                f"{one.accounts:,}",
                one.first_seen.isoformat(),
                one.last_seen.isoformat(),
            ],
            bar(one.prompts, most, one.tier),
        )
        for one in shown
    ]
    return _table("titled", ("campaign", "prompts", "accounts", "first seen", "last seen"), body) + _more(
        len(rows)
    )


def _moves(report: Report) -> Iterator[str]:
    if not report.moves:
        yield f"<p>{words.NO_MOVES}</p>"
    for move in report.moves[:MOST_ROWS]:
        body = [
            _Line(
                day.isoformat(),
                [_figure(words.part(share))],
                bar(Estimate(share, share, share), 1.0, "plain"),
            )
            for day, share in move.by_day
        ]
        yield (
            f'<article><h3><span class="title">{_text(move.title, TITLE_CHARACTERS)}</span>'
            f"<code>{_text(move.operator)}</code></h3><p>{_text(words.told(move))}</p>"
            f"{_table('move', ('day', f'to {words.model_of(move)}'), body)}</article>"
        )
    yield _more(len(report.moves))


def _turnovers(report: Report) -> str:
    if not report.turnovers:
        return f"<p>{words.NO_TURNOVERS}</p>"
    body = [
        _Line(
            _titled(turnover.title, turnover.campaign_id, turnover.tier),
            [_figure(cell) for cell in words.replaced(turnover)],
            bar(Estimate(turnover.new_share, turnover.new_share, turnover.new_share), 1.0, turnover.tier),
        )
        for turnover in report.turnovers[:MOST_ROWS]
    ]
    return _table("titled", ("campaign", *words.REPLACED_COLUMNS), body) + _more(len(report.turnovers))


def _titled(title: str, name: str, tier: str, objective: str = "") -> str:
    return (
        f'<span class="title">{_text(title, TITLE_CHARACTERS)}</span>'
        f'<span class="sub"><b class="{tone(tier)}">{_text(tier)}</b> {_text(objective)} '
        f"<code>{_text(name)}</code></span>"
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of a table, as HTML: its head, its cells, and a chart that says again what a cell says."""

    head: str
    cells: Sequence[str]
    chart: str = ""


def _table(kind: str, columns: Sequence[str], body: Sequence[_Line]) -> str:
    """A table that a narrow screen shows as a list, each cell with its column's name; roles keep it a table."""
    drawn = '<td role="cell" class="chart"></td>' if body and body[0].chart else ""
    first, *others = (_text(column, TITLE_CHARACTERS) for column in columns)
    head = f'<th role="columnheader" scope="col">{first}</th>{drawn}' + "".join(
        f'<th role="columnheader" scope="col">{name}</th>' for name in others
    )
    rows = "".join(
        f'<tr role="row"><th role="rowheader" scope="row">{line.head}</th>'
        + (f'<td role="cell" class="chart">{line.chart}</td>' if line.chart else "")
        + "".join(
            f'<td role="cell" data-column="{name}">{cell}</td>'
            for name, cell in zip(others, line.cells, strict=True)
        )
        + "</tr>"
        for line in body
    )
    return (
        f'<div class="scroll"><table role="table" class="{kind}"><thead role="rowgroup"><tr role="row">{head}</tr>'
        f'</thead><tbody role="rowgroup">{rows}</tbody></table></div>'
    )


def _more(rows: int) -> str:
    return f'<p class="more">And {rows - MOST_ROWS:,} more; JSON holds all.</p>' if rows > MOST_ROWS else ""


def _figure(text: str) -> str:
    """The interval is set apart from its figure."""
    value, found, span = text.partition(" (")
    return _text(value) + (f" <small>{_text(span.removesuffix(')'))}</small>" if found else "")


def _text(text: str, limit: int | None = None) -> str:
    return escape(safe_text(text, limit), quote=True).replace(" %", "&nbsp;%")


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
