"""What the documentation says, checked against the code: commands, settings, files, links, tests."""

from __future__ import annotations

import re
from pathlib import Path

from campaigns.settings import load

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
SECTIONS = {key.partition(".")[0] for key in load({}, environment={}, config=None).origins} or {
    name.partition(".")[0] for name, *_ in load({}, environment={}).rows() if "." in name
}

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
