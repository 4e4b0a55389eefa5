"""How requests are worded that ask for an objective: verbs with what they are done to, in `requests.cues`.

A cue is a row of places divided by spaces. A place is one word, or a run of characters of an unspaced script:

- `translat*` stands for every word that begins so,
- `write|make` for either,
- `..` between two places for up to a few words within the sentence.

The section `unclear` holds frames ("you are a translator"): they say who is asked, not for what.

A verb that many objectives share (write, give, mark) stands with its object. Nouns on their own are in `cues`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from campaigns.records import Objective

_FILE: Final = Path(__file__).with_name("requests.cues")


@cache
def asks() -> dict[Objective, dict[str, tuple[str, ...]]]:
    """Cues by objective and language, with the file's `$words` put in; frames stand under `UNCLEAR`."""
    words: dict[str, dict[str, str]] = {}
    found: dict[Objective, dict[str, list[str]]] = {}
    objective, language = Objective.UNCLEAR, ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("$") and " = " in line:
            head, choices = line.split(" = ")
            name, language = head.split()
            words.setdefault(language, {})[name] = choices
        elif line.startswith("["):
            section, language = line.strip("[]").split()
            objective = Objective[section.upper()]
        else:
            cue = line
            for name, choices in words.get(language, {}).items():
                cue = cue.replace(name, choices)
            found.setdefault(objective, {}).setdefault(language, []).append(cue)
    return {name: {of: tuple(cues) for of, cues in by.items()} for name, by in found.items()}
