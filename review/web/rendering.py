"""Pages and fragments from templates. Everything that is put into one is escaped; no text is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from campaigns.display import plain_text
from review.evidence import chance
from review.marked_text import marked, slots_in
from review.web.assets import Asset

_FOLDER: Final = Path(__file__).parent / "templates"
HTMX_REQUEST: Final = "HX-Request"


def environment(assets: Mapping[str, Asset]) -> Environment:
    """Escapes whatever the name of a template ends in, and stops at a name that nobody gave."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = lambda name: assets[name].url
    made.filters |= {
        "marked": marked,
        "plain": _plain,
        "slots": slots_in,
        "chance": chance,
        "count": lambda value: f"{value:,}",
        "percent": lambda value: f"{100 * value:.0f} %",
        "many": _many,
        "instant": _instant,
        "day": _day,
    }
    return made


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page or a fragment. Templates also see who is signed in (`user`); a page asks for what its frame shows."""
    state = request.app.state
    made: Environment = state.templates
    user = getattr(request.state, "user", None)
    read_frame = partial(state.frame, request)
    text = made.get_template(template).render(user=user, read_frame=read_frame, **values)
    return HTMLResponse(text.encode("utf-8", "replace"), status)


def is_fragment(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into a page that is open."""
    return HTMX_REQUEST in request.headers


def _plain(text: str, limit: int = 120) -> str:
    """One harmless line, for attributes: they cannot hold the chips of what does not show."""
    return plain_text(text, limit)


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _day(value: date) -> str:
    return value.isoformat()
