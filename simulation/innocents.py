"""Innocent look-alikes: for each kind the habits of its accounts and what they write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from simulation.draws import Draws, stream
from simulation.organic import Voice, voice
from simulation.plan import InnocentPlan, SimulationPlan
from simulation.pools import Habits
from simulation.prose import language
from simulation.templates import MEDIUM, SHORT, Written, slot_text, template

Text = Literal["products", "own topics", "verbatim", "questions", "benchmark", "voices"]
"""What the prompts hold: a template with slots from everywhere, or from the account's own topics; a text as
it is; one of a few questions; a fixed list in order; many end users."""


@dataclass(frozen=True, slots=True)
class Look:
    """A kind of look-alike. `system` says that its prompts come with one system prompt. A crowd (`CROWDS`) has
    no accounts of its own, hence no habits, but may meet at a `clock` and on one `model`."""

    habits: Habits
    text: Text
    system: bool = False
    clock: str | None = None
    one_model: bool = False


_TENANT = Habits(organization="one", network="one", payment="one", agent="one", model="one", country="one")
"""One customer who runs everything from one place."""
_STAFF = replace(_TENANT, network="site", model="own", created="week", clock="office", volumes="even")
"""One office, one tool, one onboarding week."""
_STUDENTS = Habits(
    organization="none", network="site", country="one", created="week", clock="campus", volumes="even"
)
_GUESTS = Habits(
    organization="none", network="city", payment="scarce", country="one", created="day", clock="night",
    volumes="uneven",
)  # fmt: skip
"""People in one room for one night, who signed up for it and hardly pay yet."""
_CROWD = Habits(volumes="even")

LOOKS: Mapping[str, Look] = {
    "app": Look(_TENANT, "products", system=True),
    "popular": Look(_CROWD, "verbatim"),
    "harness": Look(Habits(organization="each", agent="one"), "own topics", system=True),
    "evaluator": Look(replace(_TENANT, model="own", clock="nightly", volumes="even"), "benchmark"),
    "gateway": Look(replace(_TENANT, model="own"), "voices"),
    "course": Look(_STUDENTS, "questions"),
    "team": Look(_STAFF, "own topics", system=True),
    "fleet": Look(
        replace(_TENANT, network="cloud range", created="two days", clock="round", volumes="even"),
        "products",
        system=True,
    ),
    "saas": Look(
        Habits(network="cloud", agent="one", model="one", created="years"), "own topics", system=True
    ),
    "hackathon": Look(_GUESTS, "own topics"),
    "release": Look(_CROWD, "questions", clock="launch", one_model=True),
    "passer-by": Look(_CROWD, "own topics"),
}


def habits(innocent: InnocentPlan) -> Habits:
    """What the accounts of a group have in common. A team of personal accounts shares its office, tool and
    week, and no organization or card."""
    found = LOOKS[innocent.kind].habits
    return replace(found, organization="none", payment="own") if innocent.personal else found


def spoken_by(innocent: InnocentPlan, plan: SimulationPlan) -> str:
    """The language of a group's text, and so of most of its people."""
    name = _template_names(innocent, plan)[0]
    return template(name).language if name else "en"


def write(innocent: InnocentPlan, plan: SimulationPlan, person: Voice, ordinal: int, draws: Draws) -> Written:
    """One prompt of a look-alike; `ordinal` counts the account's prompts of the day."""
    look = LOOKS[innocent.kind]
    if look.text == "voices":
        return _relayed(draws)
    if look.text == "benchmark":
        return _benchmark(plan.seed, innocent.label, ordinal)
    names = _template_names(innocent, plan)
    chosen = template(names[ordinal % len(names)])
    number = draws.below(len(chosen.wordings)) if look.text == "questions" else 0
    wording = chosen.wordings[number]
    family = f"{innocent.kind}:{chosen.name}/{number}"
    if look.text in ("verbatim", "questions"):
        text = wording.fill(str)
        if look.text == "questions" and draws.chance(0.4):
            speaks = person.language.code == wording.language
            own = person.language.sentences(1, draws, person.scenes[0]) if speaks else ""
            text = f"{own} {text}".lstrip()
        return Written(text, family, wording.language)
    spoken = language(wording.language)
    if look.text == "products":
        scene = spoken.scene(draws.pick(spoken.topic_names), draws)
    else:
        scene = person.scene_in(spoken, draws)
    lengths = SHORT if look.text == "products" else MEDIUM
    text = wording.fill(lambda slot: slot_text(slot, spoken, draws, scene, lengths))
    return Written(text, family, wording.language)


def system_prompt(innocent: InnocentPlan, seed: int) -> str | None:
    """The system prompt that a tool sends along, the same from every account that uses it."""
    if not LOOKS[innocent.kind].system:
        return None
    return tool_prompt(stream(seed, "system", innocent.label))


def tool_prompt(draws: Draws) -> str:
    spoken = language("en")
    scene = spoken.scene(draws.pick(spoken.topic_names), draws)
    name = slot_text("coined", spoken, draws, scene, SHORT)
    return f"{name}. {spoken.sentences(draws.between(2, 4), draws, scene)}"


def _template_names(innocent: InnocentPlan, plan: SimulationPlan) -> tuple[str, ...]:
    imitated = [name for name in (innocent.imitates, innocent.also_imitates) if name]
    if not imitated:
        return (innocent.template,)
    of = {c.name: c.template for c in plan.campaigns}
    return tuple(of[name] for name in imitated)


def _relayed(draws: Draws) -> Written:
    person = voice(draws)
    return Written(person.prompt(draws), None, person.language.code)


@lru_cache(maxsize=4096)
def _benchmark(seed: int, name: str, number: int) -> Written:
    """Question `number` of a benchmark: the same every night."""
    draws = stream(seed, "benchmark", name, number)
    spoken = language("en")
    scene = spoken.scene(draws.pick(spoken.topic_names), draws)
    options = "\n".join(f"{letter}) {spoken.grammar.expand('clause', draws, scene)}" for letter in "ABCD")
    text = f"{spoken.sentences(draws.between(1, 3), draws, scene)} {spoken.question(draws, scene)}\n{options}"
    return Written(text, f"evaluator:{name}", "en")
