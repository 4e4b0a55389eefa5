"""Idioms: phrases in which many unrelated people of one language or interest put what is their own.

They are why groups of innocent accounts share text: nobody told them to, and what follows the phrase is about each
account's own topics.
"""

from __future__ import annotations

from functools import lru_cache

from simulation.draws import Draws
from simulation.organic import Voice
from simulation.templates import SHORT, PromptTemplate, Written, slot_text, templates

_STEEPNESS = 1.7
"""How far the common idioms lead: the share of draws below `x` of the list is `x ** (1 / 1.7)`."""
_ANYBODY = "any"


def idiom(person: Voice, draws: Draws) -> Written:
    """One request of an ordinary person in a phrase that others use as well; `family` names the phrase."""
    known = _of(person.language.code)
    usable = [one for one in known if one.objective == _ANYBODY or one.objective in person.topics]
    chosen = usable[int(len(usable) * draws.uniform() ** _STEEPNESS)]
    if chosen.objective == _ANYBODY:
        scene = draws.pick(person.scenes)
    else:
        scene = person.scenes[list(person.topics).index(chosen.objective)]
    text = chosen.wordings[0].fill(lambda slot: slot_text(slot, person.language, draws, scene, SHORT))
    return Written(person.typed(text, draws), f"idiom:{chosen.name}", person.language.code)


@lru_cache(maxsize=8)
def _of(code: str) -> tuple[PromptTemplate, ...]:
    return tuple(one for one in templates("idioms").values() if one.language == code)
