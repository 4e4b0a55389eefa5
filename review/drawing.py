"""What the pictures share: colours, and text that a font can show."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from campaigns.display import plain_text

INK: Final = "#15181d"
QUIET: Final = "#5a6270"
FIELD: Final = "#b4bac4"

_UNKNOWN: Final = "▯"


@cache
def characters() -> frozenset[str]:
    """What the default font can show."""
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    charmap: dict[int, Any] = FT2Font(findfont(FontProperties())).get_charmap()
    return frozenset(map(chr, charmap))


def drawable(text: str, limit: int | None = None) -> str:
    """`text` on one line, without what cannot be seen, a box for each character that the font lacks."""
    return "".join(c if c in characters() else _UNKNOWN for c in plain_text(text, limit))
