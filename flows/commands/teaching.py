"""Help that teaches: prose flows with the terminal's width, examples keep their lines."""

from __future__ import annotations

import inspect
from typing import Any

from typer.core import TyperCommand, TyperGroup

EXAMPLES = "[bold]Examples[/bold]"


def reflowed(text: str | None) -> str | None:
    """`text` with each paragraph on one line, other than that of the examples."""
    if text is None:
        return None
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(p if p.startswith(EXAMPLES) else " ".join(p.split()) for p in paragraphs)


class Command(TyperCommand):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "help": reflowed(kwargs.get("help"))})


class Group(TyperGroup):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "help": reflowed(kwargs.get("help"))})
