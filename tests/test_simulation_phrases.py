"""The packaged texts: every reference resolves, and there is the variety that the simulation promises."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from campaigns.records import Objective
from simulation.draws import stream
from simulation.english import INFLECTIONS
from simulation.grammar import Alternative, Choice, Grammar, Ref, parse, parse_rules
from simulation.prose import LANGUAGES, language
from simulation.templates import template, templates


def references(alternative: Alternative) -> Iterator[Ref]:
    for part in alternative:
        if isinstance(part, Ref):
            yield part
        elif isinstance(part, Choice):
            for option in part.options:
                yield from references(option)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_reference_of_a_grammar_resolves(code: str) -> None:
    grammar = language(code).grammar
    known = {*grammar.rules, *grammar.terminals, "n", "v", "a"}
    found = [
        ref for rule in grammar.rules.values() for alternative in rule for ref in references(alternative)
    ]
    assert {ref.name for ref in found} <= known
    assert {ref.form for ref in found} <= {"", *INFLECTIONS}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_topic_has_three_kinds_of_words(code: str) -> None:
    topics = language(code).topics
    assert len(topics) >= 10
    for words in topics.values():
        assert len(words["n"]) >= 10
        assert len(words["v"]) >= 6
        assert len(words["a"]) >= 5


def test_every_slot_of_a_template_can_be_filled() -> None:
    for file in ("campaigns", "innocents"):
        for entry in templates(file).values():
            for wording in (*entry.wordings, *entry.translations.values()):
                grammar = language(wording.language).grammar
                known = {*grammar.rules, *grammar.terminals, "n", "v", "a", "passage", "sentence", "question"}
                assert set(wording.slots) <= known, entry.name


def test_there_are_enough_templates_objectives_languages_and_wordings() -> None:
    campaigns = templates("campaigns").values()
    by_objective: dict[str, set[str]] = defaultdict(set)
    for entry in campaigns:
        by_objective[entry.objective].add(entry.language)
    assert set(by_objective) == {objective.value for objective in Objective}
    assert min(Counter(entry.objective for entry in campaigns).values()) >= 2
    assert min(map(len, by_objective.values())) >= 2
    assert {entry.language for entry in campaigns} == set(LANGUAGES)
    assert all(len(set(entry.wordings)) >= 4 for entry in campaigns)
    assert len({entry.objective for entry in campaigns if len(set(entry.wordings)) >= 10}) >= 2
    sizes = [sum(map(len, wording.constants)) for entry in campaigns for wording in entry.wordings]
    assert min(sizes) < 20
    assert max(sizes) > 250
    assert sum(set(entry.translations) == set(LANGUAGES) - {"en"} for entry in campaigns) >= 3


def test_translations_keep_the_slots() -> None:
    for entry in templates("campaigns").values():
        for wording in entry.multilingual:
            assert wording.slots == entry.wordings[0].slots, (entry.name, wording.language)


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_request_of_ordinary_people_has_a_long_phrase_of_its_own(code: str) -> None:
    """A phrase of many words that thousands of accounts repeat would be a template, and truth says it is none."""
    spoken = language(code)
    for intent in spoken.intents:
        for alternative in spoken.grammar.rules[intent]:
            assert longest_run(alternative) <= 5, (intent, alternative)


def longest_run(alternative: Alternative) -> int:
    """Most words in a row that every expansion holds, whatever is drawn; of unspaced scripts, half the
    characters."""
    longest = run = 0
    for part in alternative:
        if isinstance(part, str):
            run += len(re.findall(r"[a-zA-Z\u00c0-\u04ff]+", part))
            run += len(re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]", part)) // 2
        else:
            run = 0
        longest = max(longest, run)
    return longest


def test_a_wording_is_its_constants_round_its_slots() -> None:
    wording = template("sentiment-grid").wordings[0]
    assert wording.slots == ("number", "passage")
    assert wording.fill(lambda slot: f"<{slot}>").endswith("Review number <number>: <passage>")


def test_inline_choices_nest_and_may_be_empty() -> None:
    rules = parse_rules("= start\n{Word} [a|b[1|2]|]!\n= word\nx\n")
    grammar = Grammar(rules, {}, {})
    draws = stream(1, "test")
    assert {grammar.expand("start", draws, {}) for _ in range(200)} == {"X a!", "X b1!", "X b2!", "X !"}


def test_endless_recursion_ends() -> None:
    grammar = Grammar(parse_rules("= deep\nstop\n({deep}{deep}{deep})\n({deep}{deep}{deep})\n"), {}, {})
    draws = stream(1, "test")
    text = grammar.expand("deep", draws, {})
    assert text.count("(") == text.count(")")


@pytest.mark.parametrize("line", ["[a|b", "{no word}", "a {"])
def test_a_broken_alternative_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"open|cannot read|unexpected"):
        parse(line)


@pytest.mark.parametrize(
    ("form", "word", "inflected"),
    [
        ("ing", "bake", "baking"),
        ("ing", "trim", "trimming"),
        ("ing", "roll back", "rolling back"),
        ("ed", "carry forward", "carried forward"),
        ("ed", "grind", "ground"),
        ("ed", "split", "split"),
        ("ing", "tap", "tapping"),
        ("ed", "solve", "solved"),
        ("s", "pantry", "pantries"),
        ("s", "dry loaf", "dry loaves"),
        ("s", "hinge", "hinges"),
        ("an", "oven", "an oven"),
        ("an", "kettle", "a kettle"),
    ],
)
def test_inflection(form: str, word: str, inflected: str) -> None:
    assert INFLECTIONS[form](word) == inflected
