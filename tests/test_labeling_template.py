"""Templates planted in members are recovered, whatever their shape, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator

from campaigns.errors import IntegrityError
from campaigns.records import Slot, Template
from campaigns.settings import LabelSettings
from labeling.matcher import compile_template
from labeling.template import align, is_template, template_from_json, template_to_json

FUNCTION_WORDS = "the of and a in to is was it for on with as at by that"
COMMON = FUNCTION_WORDS.split()
STEMS, ENDINGS = ("bal", "cor", "dun", "fen", "gar", "hob", "jin", "kel"), ("tan", "rix", "ove", "ush", "em")
RARE = [stem + ending for stem in STEMS for ending in ENDINGS]
ARABIC = ["كتاب", "بيت", "مدرسة", "شمس", "قمر", "بحر", "جبل", "نهر", "طريق", "باب", "سماء", "شجرة"]
HANZI = list("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏")


def prose(draw: Generator, low: int, high: int) -> str:
    """Sentences in which every other word is a function word."""
    n = int(draw.integers(low, high + 1))
    return " ".join(str(draw.choice(COMMON if draw.random() < 0.5 else RARE)) for _ in range(n))


def name(draw: Generator) -> str:
    return str(draw.choice(RARE)).title()


def members(make: Callable[[Generator], str], count: int = 60) -> list[str]:
    draw = np.random.default_rng(7)
    return [make(draw) for _ in range(count)]


def shown(texts: list[str]) -> str:
    return align(texts).display()


PLANTED: dict[str, tuple[Callable[[Generator], str], str]] = {
    "prefix": (
        lambda d: f"Rate this answer from 1 to 10.\n\nAnswer: {prose(d, 5, 80)}",
        "Rate this answer from 1 to 10.\n\nAnswer: {text}",
    ),
    "suffix": (
        lambda d: f"{prose(d, 5, 80)}\n\nSummarise everything above.",
        "{text}\n\nSummarise everything above.",
    ),
    "middle": (
        lambda d: f"{prose(d, 5, 40)}\nNow grade the essay that follows:\n{prose(d, 5, 40)}",
        "{text}\nNow grade the essay that follows:\n{text}",
    ),
    "round a slot": (
        lambda d: f"<essay>{prose(d, 5, 80)}</essay> What grade does it deserve?",
        "<essay>{text}</essay> What grade does it deserve?",
    ),
    "two slots": (
        lambda d: f"Question: {prose(d, 4, 9)}?\nCandidate answer: {prose(d, 10, 60)}\nVerdict:",
        "Question: {text}?\nCandidate answer: {text}\nVerdict:",
    ),
    "one word between slots": (
        lambda d: f"Translate {name(d)} into {name(d)}",
        "Translate {name} into {name}",
    ),
    "one word only": (lambda d: f"Summarise: {prose(d, 20, 80)}", "Summarise: {text}"),
    "json": (
        lambda d: f'{{"task": "grade", "input": "{prose(d, 3, 30)}", "max": {d.integers(1000)}}}',
        '{"task": "grade", "input": "{text}", "max": {number}}',
    ),
    "code": (
        lambda d: (
            f"def {d.choice(RARE)}(values):\n    total = {d.integers(100)}\n    return total * 2\n# explain"
        ),
        "def {text}(values):\n    total = {number}\n    return total * 2\n# explain",
    ),
    "chinese": (
        lambda d: f"请把下面的句子翻译成英文：{''.join(d.choice(HANZI, d.integers(5, 60)))}。谢谢！",
        "请把下面的句子翻译成英文：{text}。谢谢！",
    ),
    "arabic": (
        lambda d: f"لخص النص التالي في جملة واحدة: {' '.join(d.choice(ARABIC, d.integers(8, 40)))}",
        "لخص النص التالي في جملة واحدة: {text}",
    ),
}


@pytest.mark.parametrize("case", PLANTED)
def test_planted_template_is_recovered_exactly(case: str) -> None:
    make, expected = PLANTED[case]
    template = align(members(make))
    assert template.display() == expected
    assert template.accepted == 1.0


@pytest.mark.parametrize("case", PLANTED)
def test_order_of_members_does_not_matter(case: str) -> None:
    texts = members(PLANTED[case][0], 90)
    few = LabelSettings(template_sample=40)
    expected = align(texts, settings=few)
    for seed in range(3):
        shuffled = [texts[i] for i in np.random.default_rng(seed).permutation(len(texts))]
        assert align(shuffled, settings=few) == expected


def test_random_sentences_before_and_after() -> None:
    def make(draw: Generator) -> str:
        before = prose(draw, 4, 15) + ".\n" if draw.random() < 0.5 else ""
        after = "\n" + prose(draw, 4, 15) + "." if draw.random() < 0.5 else ""
        return f"{before}Classify the sentiment of this review: {prose(draw, 5, 40)} <end>{after}"

    template = align(members(make))
    assert [part for part in template.parts if isinstance(part, str)] == [
        "\nClassify the sentiment of this review: ",
        " <end>\n",
    ]
    assert template.display() == "{text}\nClassify the sentiment of this review: {text} <end>\n{text}"
    assert template.accepted == 1.0


def test_unicode_noise_in_the_template_is_folded_and_the_clean_spelling_shown() -> None:
    clean = "Evaluate the following response and assign a score between one and five"
    lookalikes = str.maketrans("aeocp", "аеоср")

    def make(draw: Generator) -> str:
        words = clean.split()
        for i in np.flatnonzero(draw.random(len(words)) < 0.15):
            cut = len(words[i]) // 2
            dressed = words[i][:cut] + "\u200b" + words[i][cut:]
            words[i] = str(
                draw.choice([words[i].upper(), words[i][:1] + words[i][1:].translate(lookalikes), dressed])
            )
        return f"{' '.join(words)}:\n{prose(draw, 10, 60)}"

    template = align(members(make, 80))
    assert template.display() == clean + ":\n{text}"
    assert template.accepted == 1.0


def test_value_that_recurs_in_a_third_of_the_members_stays_in_the_slot() -> None:
    recurring = (
        "The ship left the harbour before dawn and nobody on the pier saw who stood at the wheel that day. "
        * 3
    )

    def make(draw: Generator) -> str:
        passage = recurring if draw.random() < 0.33 else prose(draw, 30, 60)
        return f"Write a good question about this passage.\n\nPassage: {passage.strip()}"

    template = align(members(make, 90))
    assert template.display() == "Write a good question about this passage.\n\nPassage: {text}"
    slot = template.parts[1]
    assert isinstance(slot, Slot)
    assert 50 < slot.n_values < 75


def test_function_words_of_long_slots_are_no_constants() -> None:
    template = align(members(lambda d: f"Condense: {prose(d, 150, 300)} Condensed:"))
    assert template.display() == "Condense: {text} Condensed:"


def test_unrelated_members_have_no_template() -> None:
    template = align(members(lambda d: prose(d, 10, 60)))
    assert template.display() == "{text}"
    assert template.accepted == 0.0
    assert template.saved_bits < 0


def test_several_wordings_give_the_template_of_one_and_say_how_many_hold_it() -> None:
    wordings = (
        "Write a short synopsis of the story printed here: {}",
        "{}\n\nBoil the tale above down to three lines, please.",
        "What happens in this narrative? Tell me briefly.\n{}",
    )
    draw = np.random.default_rng(3)
    texts = [wordings[i % 3].format(prose(draw, 20, 60)) for i in range(90)]
    template = align(texts)
    assert template.display() in {wording.format("{text}") for wording in wordings}
    assert template.accepted == pytest.approx(1 / 3)


def test_copies_weigh_in_the_shares_but_make_no_constant() -> None:
    texts = [f"Rate the reply: {name(np.random.default_rng(i))} number {i}" for i in range(20)] + [
        "Something else"
    ]
    weights = np.array([1] * 20 + [20])
    template = align(texts, weights)
    assert template.display() == "Rate the reply: {name} number {number}"
    assert template.accepted == 0.5


def test_saved_bits_by_hand() -> None:
    # Two members "a b" under p0 = (1/2, 1/2): B = 2 bits. To say a length of two takes g = 2 log2(3) + 1 bits: once for
    # each member in plain text, once for the one constant in the template, which the members share.
    spared = 2 + 2 * np.log2(3) + 1
    assert align(["a b", "a b"]).saved_bits == pytest.approx(spared - 1 - spared / 2)
    assert align(["a b"] * 4).saved_bits == pytest.approx(spared - 1 - spared / 4)


def test_one_slot_costs_its_length_and_spares_that_of_the_prompt() -> None:
    # Four members "a b X" of seven kinds of token: p0 of "a" and "b" is 4/12 each, of each X 1/12.
    constant_bits, spared = 2 * np.log2(3), 2 * np.log2(4) - 2 * np.log2(2)
    own = (constant_bits + 2 * np.log2(3) + 1) / 4
    saved = align(["a b 1", "a b 2", "a b 3", "a b 4"]).saved_bits
    assert saved == pytest.approx(constant_bits + spared - 1 - own)


@pytest.mark.parametrize("size", [6, 12, 40])
@pytest.mark.parametrize("case", ["prefix", "middle", "round a slot", "two slots", "json"])
def test_planted_templates_save_more_bits_than_it_takes_to_name_a_prompt(case: str, size: int) -> None:
    assert is_template(align(members(PLANTED[case][0], size)), 20_000)


@pytest.mark.parametrize("size", [5, 12, 40, 150])
def test_groups_drawn_at_random_are_no_template(size: int) -> None:
    """Neither are groups whose members all hold the same two words in a row, as an idiom is held."""
    draw = np.random.default_rng(size)
    for _ in range(8):
        texts = [prose(draw, 5, 80) for _ in range(size)]
        assert not is_template(align(texts), 20_000)
        idiom = [f"{prose(draw, 3, 40)} kindly advise {prose(draw, 3, 40)}" for _ in range(size)]
        assert not is_template(align(idiom), 20_000)


def test_a_larger_day_asks_for_more_bits() -> None:
    template = Template(("a", Slot("text", 2, ())), 0.5, 15.0, 1.0)
    assert is_template(template, 20_000)
    assert not is_template(template, 500_000)


def test_constant_share_by_hand() -> None:
    texts = [f"Rate this reply now: {word}" for word in RARE[:20]]
    assert align(texts).constant_share == pytest.approx(5 / 6)


def test_one_member_and_identical_members_are_their_own_template() -> None:
    assert align(["Grade it,  please."]).parts == ("Grade it,  please.",)
    same = align(["Grade it, please."] * 5)
    assert same.parts == ("Grade it, please.",)
    assert same.accepted == same.constant_share == 1.0


@pytest.mark.parametrize(
    "texts",
    [
        ["", "", ""],
        [" \n\t", ""],
        ["\x00", "\x00\x00", "a\x00b"],
        ["x" * 10_000, "y" * 10_000, "x" * 10_000 + "!"],
        ["\u202eabc\u202c", "\u200b\u200b", "\ufeff"],
        ["🙂" * 300, "🙃🙂" * 200],
        ["a " * 3_000, "a " * 2_999 + "b", "b " + "a " * 1_000],
        ["é" * 50, "e\u0301" * 50],
    ],
    ids=["empty", "blank", "nul", "long words", "bidi", "emoji", "repetition", "normal forms"],
)
def test_hostile_members_give_a_template_that_matches_what_it_says(texts: list[str]) -> None:
    template = align(texts)
    assert template.parts
    assert np.mean(compile_template(template).match(texts)) == pytest.approx(template.accepted)


def test_accepted_is_counted_over_all_members_not_the_sample() -> None:
    texts = members(PLANTED["prefix"][0], 300)
    texts += [f"Nothing of the kind {prose(np.random.default_rng(i), 200, 220)}" for i in range(30)]
    template = align(texts, settings=LabelSettings(template_sample=50))
    assert template.display() == PLANTED["prefix"][1]
    assert template.accepted == pytest.approx(300 / 330)
    assert template.accepted == pytest.approx(np.mean(compile_template(template).match(texts)))


def test_templates_survive_storage_exactly() -> None:
    for make, _ in PLANTED.values():
        template = align(members(make, 30))
        assert template_from_json(template_to_json(template)) == template
    odd = Template(("\x00 {number} \\n\n", Slot("text", 2, ("\u202e", '"')), " end\u2028"), 0.1, -3.25, 1 / 3)
    assert template_from_json(template_to_json(odd)) == odd


@pytest.mark.parametrize("stored", ["", "{}", "[]", '{"parts": [{"kind": 1}]}', '{"parts": 3}', "null"])
def test_damaged_template_is_an_integrity_error(stored: str) -> None:
    with pytest.raises(IntegrityError, match="damaged"):
        template_from_json(stored)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("ab .,\n\x00é中ا\u200b\u0301"), max_size=30), min_size=1, max_size=12)
)
def test_any_members_are_accepted_as_often_as_the_matcher_says(texts: list[str]) -> None:
    template = align(texts)
    assert 0.0 <= template.constant_share <= 1.0
    assert template.accepted == pytest.approx(np.mean(compile_template(template).match(texts)))
    assert align(texts[::-1]) == template
