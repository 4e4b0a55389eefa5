"""Crowds: which ordinary accounts take part in something that many do on one day.

They belong together for no other reason than a viral text, a new model or a prompt they came across. Tomorrow it is
other accounts, and these go on as ever.
"""

from __future__ import annotations

from itertools import islice

from simulation.draws import stream
from simulation.organic import tongue
from simulation.parts import InnocentPlan
from simulation.plan import SimulationPlan

_PROMPTS_PER_ACCOUNT = 6
"""Ordinary prompts for each account to choose from: fewer accounts than a day reaches, so that most are active."""
_LEAST_CHOICE = 4
_LEAST_CHOICE_OF_SPEAKERS = 25
"""Accounts to choose from for each one in the crowd; one in 25 speaks a certain language other than English."""
_STRANGERS = 0.1
"""Part of a crowd that need not speak the language of its text."""


def crowd(plan: SimulationPlan, innocent: InnocentPlan, spoken: str, day_index: int) -> list[int]:
    """Numbers of ordinary accounts, as many as the plan says, none twice; `spoken` is the language of the text,
    which calls up those who speak it where it is not English."""
    least = _LEAST_CHOICE if spoken == "en" else _LEAST_CHOICE_OF_SPEAKERS
    choice = max(plan.organic_on(day_index) // _PROMPTS_PER_ACCOUNT, least * innocent.accounts)
    order = map(int, stream(plan.seed, "crowd", innocent.label, day_index).generator.permutation(choice))
    if spoken == "en":
        return list(islice(order, innocent.accounts))
    numbers = list(order)
    called = innocent.accounts - int(innocent.accounts * _STRANGERS)
    speakers = (n for n in numbers if tongue(stream(plan.seed, "voice", "organic", 0, n)) == spoken)
    found = list(islice(speakers, called))
    taken = set(found)
    return [*found, *islice((n for n in numbers if n not in taken), innocent.accounts - len(found))]
