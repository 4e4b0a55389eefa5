"""The prevalence report as one page that needs nothing else, and runs nothing: no script, no network, no other file.

Titles are written by hostile people. Everything from outside is spelled out by `campaigns.display` and escaped for
HTML; the Content-Security-Policy lets one style through, by its SHA-256, and no script at all. Charts are SVG made here
from numbers; each stands beside the table that says the same.

Content Security Policy Level 3, https://www.w3.org/TR/CSP3/.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from campaigns.display import safe_text
from campaigns.estimates import Estimate
from review import report_words as words
from review.report import DayFigures, Largest, Report, Row
from review.report_words import MOST_ROWS, TITLE_CHARACTERS

_FOLDER: Final = Path(__file__).parent / "templates"
_STEPS: Final = (1, 2, 5)
_LINES: Final = 4


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
        span = "" if estimate.exact else f"95 %: {_span(estimate)}"
        yield _card(words.part(estimate.value), f"{name} in suspected campaigns", span)
    yield _card(
        words.part(suspected.account_share), "of accounts in suspected campaigns", "of those seen a day"
    )
    yield _card(
        words.part(whole.prompt_share.value),
        "of prompts in any campaign",
        "" if whole.prompt_share.exact else f"95 %: {_span(whole.prompt_share)}",
    )


def _card(figure: str, name: str, more: str) -> str:
    shown = f"<span>{_text(more)}</span>" if more else ""
    return f"<li><strong>{_text(figure)}</strong><em>{_text(name)}</em>{shown}</li>"


def _span(estimate: Estimate) -> str:
    return f"{words.part(estimate.low)} to {words.part(estimate.high)}"


# -- tables --------------------------------------------------------------------------------------------


def _kind(kind: str, rows: Sequence[Row]) -> str:
    shown = rows[:MOST_ROWS]
    most = max((_end(row.prompt_share) for row in shown), default=0.0)
    body = []
    for row in shown:
        prompts, of_prompts, of_accounts, of_tokens = words.kind_cells(row)
        tone = row.name if kind == "tier" and row.name else "plain"
        body.append(
            f'<tr><th scope="row">{_text(words.name_of(row), TITLE_CHARACTERS)}</th>'
            f'<td class="chart">{_bar(row.prompt_share, most, tone)}</td>'
            f"<td>{_figure(of_prompts)}</td><td>{_figure(of_accounts)}</td><td>{_figure(of_tokens)}</td>"
            f"<td>{_figure(prompts)}</td></tr>"
        )
    head = _head((kind, "", "of prompts", "of accounts", "of tokens", "prompts in campaigns"))
    return (
        f'<section aria-labelledby="by-{kind}"><h2 id="by-{kind}">{words.HEADINGS[kind]}</h2>'
        f"<p>{words.READING[kind]}</p>{_table('kind', head, body)}{_more(len(rows))}</section>"
    )


def _largest(rows: Sequence[Largest]) -> str:
    shown = rows[:MOST_ROWS]
    most = max((_end(one.prompts) for one in shown), default=0.0)
    body = [
        f'<tr><th scope="row"><span class="title">{_text(one.title, TITLE_CHARACTERS)}</span>'
        f"<code>{_text(one.campaign_id)}</code></th>"
        f'<td class="chart">{_bar(one.prompts, most, one.tier)}</td>'
        f"<td>{_figure(words.amount(one.prompts))}</td><td>{one.accounts:,}</td>"
        f'<td class="word {_tone(one.tier)}">{_text(one.tier)}</td><td class="word">{_text(one.objective)}</td>'
        f"<td>{one.first_seen}</td><td>{one.last_seen}</td></tr>"
        for one in shown
    ]
    head = _head(("campaign", "", "prompts", "accounts", "tier", "objective", "first seen", "last seen"))
    return _table("largest", head, body) + _more(len(rows))


def _moves(report: Report) -> Iterator[str]:
    if not report.moves:
        yield f"<p>{words.NO_MOVES}</p>"
    for move in report.moves[:MOST_ROWS]:
        most = max(share for _, share in move.by_day) or 1.0
        body = [
            f'<tr><th scope="row">{day}</th><td class="chart">{_bar(Estimate(share, share, share), most, "plain")}</td>'
            f"<td>{words.part(share)}</td></tr>"
            for day, share in move.by_day
        ]
        head = _head(("day", "", f"to {safe_text(move.model, TITLE_CHARACTERS)}"))
        yield (
            f'<article><h3><span class="title">{_text(move.title, TITLE_CHARACTERS)}</span>'
            f"<code>{_text(move.operator)}</code></h3><p>{_text(words.told(move))}</p>"
            f"{_table('move', head, body)}</article>"
        )
    yield _more(len(report.moves))


def _turnovers(report: Report) -> str:
    if not report.turnovers:
        return f"<p>{words.NO_TURNOVERS}</p>"
    body = []
    for turnover in report.turnovers[:MOST_ROWS]:
        accounts, new, gone, usual = words.replaced(turnover)
        bar = _bar(Estimate(turnover.new_share, turnover.new_share, turnover.new_share), 1.0, turnover.tier)
        body.append(
            f'<tr><th scope="row"><span class="title">{_text(turnover.title, TITLE_CHARACTERS)}</span>'
            f'<code>{_text(turnover.campaign_id)}</code></th><td class="chart">{bar}</td><td>{new}</td><td>{gone}</td>'
            f'<td>{accounts}</td><td class="word">{_text(usual)}</td></tr>'
        )
    head = _head(("campaign", "", "new", "gone", "accounts", "all accounts of the traffic"))
    return _table("turnover", head, body) + _more(len(report.turnovers))


def _head(columns: Sequence[str]) -> str:
    """An unnamed column holds the bars, which say again what the figures beside them say."""
    return "".join(
        f'<th scope="col">{_text(name)}</th>' if name else '<td class="chart"></td>' for name in columns
    )


def _table(kind: str, head: str, body: Sequence[str]) -> str:
    return (
        f'<div class="scroll" tabindex="0"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _more(rows: int) -> str:
    return f'<p class="more">And {rows - MOST_ROWS:,} more; JSON holds all.</p>' if rows > MOST_ROWS else ""


def _figure(text: str) -> str:
    """The interval is set apart from its figure."""
    value, found, span = text.partition(" (")
    return _text(value) + (f" <small>({_text(span)}</small>" if found else "")


# -- charts --------------------------------------------------------------------------------------------


def _bar(estimate: Estimate, most: float, tone: str) -> str:
    """A bar from nothing, and a line for the interval; `most` is the whole width."""
    scale = 100 / most if most > 0 else 0.0
    value = 0.0 if math.isnan(estimate.value) else estimate.value * scale
    whisker = ""
    if not estimate.exact and math.isfinite(estimate.high):
        whisker = f'<path d="M{estimate.low * scale:.2f} 5H{min(estimate.high * scale, 100):.2f}"/>'
    return (
        f'<svg class="bar {_tone(tone)}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="field" width="100" height="10"/><rect width="{value:.2f}" height="10"/>{whisker}</svg>'
    )


def _trend(days: Sequence[DayFigures]) -> str:
    tiers = list(days[0].tiers)
    body = [
        f'<tr><th scope="row">{day.day}</th>'
        + "".join(
            f'<td class="word">{cell}</td>' if "seen" in cell else f"<td>{_figure(cell)}</td>"
            for cell in words.day_cells(day)
        )
        + "</tr>"
        for day in days
    ]
    head = _head(("day", "prompts", "suspected", *tiers, "accounts in campaigns"))
    key = "".join(f'<li class="{_tone(tier)}">{_text(tier)}</li>' for tier in tiers)
    charts = "".join(_lines(days, width, name) for width, name in ((960, "wide"), (360, "narrow")))
    return f'<figure><ul class="key">{key}</ul>{charts}</figure>{_table("trend", head, body)}'


def _lines(days: Sequence[DayFigures], width: int, name: str) -> str:
    """A line for each tier with the interval of each day; the axis of days keeps gaps."""
    height, left, right, top, bottom = 240, 52, 16, 12, 30
    highest = max((_end(estimate) for day in days for estimate in day.tiers.values()), default=0.0)
    step = _step(highest)
    ceiling = step * max(1, math.ceil(highest / step - 1e-9))
    first, span = days[0].day, max((days[-1].day - days[0].day).days, 1)
    inner = width - left - right

    def x(day: DayFigures) -> float:
        return left + inner * ((day.day - first).days / span if len(days) > 1 else 0.5)

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - min(value, ceiling) / ceiling)

    made = []
    for n in range(round(ceiling / step) + 1):
        at = y(n * step)
        made.append(f'<path class="grid" d="M{left} {at:.1f}H{width - right}"/>')
        made.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{100 * n * step:g} %</text>')
    places = max(1, math.ceil(len(days) / max(1, inner // 90)))
    for day in days[::places]:
        anchor = (
            "middle"
            if len(days) == 1
            else "start"
            if day is days[0]
            else "end"
            if day is days[-1]
            else "middle"
        )
        made.append(f'<text x="{x(day):.1f}" y="{height - 8}" text-anchor="{anchor}">{day.day}</text>')
    for tier in days[0].tiers:
        tone = _tone(tier)
        points = [(x(day), day.tiers[tier]) for day in days if not math.isnan(day.tiers[tier].value)]
        line = " ".join(f"{at:.1f},{y(estimate.value):.1f}" for at, estimate in points)
        made.append(f'<polyline class="{tone}" points="{line}"/>')
        for at, estimate in points:
            if not estimate.exact:
                made.append(
                    f'<path class="whisker {tone}" d="M{at:.1f} {y(estimate.low):.1f}V{y(estimate.high):.1f}"/>'
                )
            made.append(f'<circle class="{tone}" cx="{at:.1f}" cy="{y(estimate.value):.1f}" r="4"/>')
    return (
        f'<svg class="lines {name}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Share of prompts in campaigns by day and tier; the table below has the figures.">'
        f"{''.join(made)}</svg>"
    )


def _step(highest: float) -> float:
    """A round distance between grid lines."""
    if highest <= 0:
        return 0.01
    rough = highest / _LINES
    power = 10.0 ** math.floor(math.log10(rough))
    return next((n * power for n in _STEPS if n * power >= rough - 1e-12), 10 * power)


def _end(estimate: Estimate) -> float:
    if math.isnan(estimate.value):
        return 0.0
    return estimate.high if math.isfinite(estimate.high) else estimate.value


def _tone(name: str) -> str:
    """A class of the style sheet; what is none of ours is plain."""
    return name if name in ("actionable", "review", "benign") else "plain"


def _text(text: str, limit: int | None = None) -> str:
    return escape(safe_text(text, limit), quote=True)


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
