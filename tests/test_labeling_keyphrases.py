from __future__ import annotations

import math

from labeling.keyphrases import keyphrases

GRADING = [
    f"Rate the student essay on a strict rubric. {word} {word} {word}"
    for word in ("kettle", "saddle", "ribbon")
]
COOKING = [
    f"Suggest a vegetarian recipe for winter evenings. {word}" for word in ("kettle", "pepper", "onion")
]


def test_families_are_told_apart_by_their_own_phrases() -> None:
    grading, cooking = keyphrases(
        [
            ["Rate the student essay on a strict rubric."],
            ["Suggest a vegetarian recipe for winter evenings."],
        ],
        [GRADING, COOKING],
        3,
    )
    assert "student essay" in " / ".join(grading)
    assert "strict rubric" in grading
    assert "vegetarian recipe" in " / ".join(cooking)
    assert not set(grading) & set(cooking)


def test_function_words_never_stand_at_the_ends() -> None:
    [phrases] = keyphrases([["The quality of the answer is for you to judge"]], [["x"]], 10)
    for phrase in phrases:
        words = phrase.lower().split()
        assert words[0] not in {"the", "of", "is", "for", "to"}
        assert words[-1] not in {"the", "of", "is", "for", "to"}


def test_punctuation_and_numbers_end_a_phrase() -> None:
    [phrases] = keyphrases([["alpha, beta. gamma 7 delta"]], [["x"]], 10)
    assert set(phrases) == {"alpha", "beta", "gamma", "delta"}


def test_phrases_do_not_repeat_each_other() -> None:
    [phrases] = keyphrases([["grade student essay"]], [["grade student essay"] * 5], 5)
    assert phrases == ("grade student essay",)


def test_characters_of_unspaced_scripts_make_phrases_without_crossing_spaces() -> None:
    chinese, japanese = keyphrases([["请给下面的作文打分"], ["次の作文を採点"]], [["x"], ["x"]], 4)
    assert "作文打分" in chinese
    assert all(2 <= len(phrase) <= 6 for phrase in chinese)
    assert not any("的" in phrase for phrase in chinese)
    assert any("採点" in phrase for phrase in japanese)
    assert keyphrases([["天 地"]], [["x"]], 4) == [()]


def test_weights_follow_the_formula() -> None:
    # One family says apple twice and river once, the other river twice; A = 2.5, f(apple) = 2, f(river) = 3.
    apple = 2 / 3 * math.log(1 + 2.5 / 2)
    river = 1 / 3 * math.log(1 + 2.5 / 3)
    assert apple > river
    first, second = keyphrases([[], []], [["apple, apple, river"], ["river, river"]], 2)
    assert first == ("apple", "river")
    assert second == ("river",)


def test_names_in_slots_are_no_keyphrases() -> None:
    names = ("Kettler", "Saddleworth", "Ribbonson", "Pepperell")
    members = [f"Judge whether {name} deserves parole. {name} {name} {name}" for name in names]
    [phrases] = keyphrases([["Judge whether", "deserves parole."]], [members], 6)
    assert {"Judge whether", "deserves parole"} == set(phrases)


def test_without_constants_what_most_members_say_counts() -> None:
    members = [f"parole {word} {word} {word}" for word in ("kettle", "saddle", "ribbon", "pepper")]
    assert keyphrases([[]], [members], 6) == [("parole",)]
    assert keyphrases([[]], [["kettle", "saddle", "ribbon"]], 6)[0] != ()


def test_parts_of_a_longer_phrase_weigh_less() -> None:
    wording = "the overall writing quality of the essay"
    [phrases] = keyphrases([[wording]], [[wording] * 4], 1)
    assert phrases == ("overall writing quality",)
    [phrases] = keyphrases([["请根据准确性的要求给出分数"]], [["x"]], 3)
    assert not {"据准", "求给", "根据准"} & set(phrases)


def test_background_makes_common_phrases_cheap() -> None:
    members = [["weather, weather, rubric"]]
    assert keyphrases([[]], members, 1) == [("weather",)]
    assert keyphrases([[]], members, 1, ["weather"] * 500) == [("rubric",)]


def test_constants_count_more_than_slots() -> None:
    members = [[f"Judge fairness: {'banana, ' * 6}"] * 3]
    assert keyphrases([["Judge fairness: "]], members, 1) == [("Judge fairness",)]


def test_order_of_members_does_not_matter() -> None:
    assert keyphrases([[]], [GRADING], 6) == keyphrases([[]], [GRADING[::-1]], 6)


def test_phrases_are_plain_text() -> None:
    [phrases] = keyphrases([["\x1b[31mRate\u202e the\u200b essay\u202c"]], [["x"]], 5)
    assert phrases
    assert all(phrase.isprintable() for phrase in phrases)


def test_no_families_no_words() -> None:
    assert keyphrases([], [], 3) == []
    assert keyphrases([[]], [[]], 3) == [()]
    assert keyphrases([["..."], []], [["!"], [""]], 3) == [(), ()]
