"""Each evasion level does what its name says, measured on the generated text alone."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise

import pytest

from simulation.draws import stream
from simulation.evasion import HOMOGLYPHS, Written, write
from simulation.organic import voice
from simulation.plan import CampaignPlan, Evasion
from simulation.prose import LANGUAGES
from simulation.templates import Wording, template

BACK = str.maketrans({look_alike: latin for latin, look_alike in HOMOGLYPHS.items()})


def requests(
    evasion: Evasion, name: str = "stepwise-ledger", count: int = 60, **kwargs: str
) -> list[Written]:
    plan = CampaignPlan("c", name, evasion, **kwargs)  # type: ignore[arg-type]
    draws = stream(5, "test", evasion)
    return [write(plan, 5, 0, draws) for _ in range(count)]


def holds(text: str, wording: Wording) -> bool:
    """Does `text` hold every constant of the wording, in order?"""
    at = 0
    for constant in wording.constants:
        found = text.find(constant, at)
        if found < 0:
            return False
        at = found + len(constant)
    return True


def cleaned(text: str) -> str:
    """NFKC, without format characters and marks, look-alikes turned back."""
    kept = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Mn"))
    return "".join(kept).translate(BACK)


def noise(text: str) -> int:
    """Characters that an English request would not hold."""
    return sum(not c.isascii() and c not in "€£" for c in text)


def mean_length(written: Sequence[Written]) -> float:
    return sum(len(w.text) for w in written) / len(written)


def test_e0_is_the_template_with_short_slots_that_never_recur() -> None:
    written = requests("e0")
    wording = template("stepwise-ledger").wordings[0]
    assert all(holds(w.text, wording) for w in written)
    assert {w.family for w in written} == {"stepwise-ledger/0"}
    assert len({w.text for w in written}) == len(written)


def test_e1_has_long_slots_and_passages_that_recur() -> None:
    written = requests("e1", count=150)
    wording = template("stepwise-ledger").wordings[0]
    assert all(holds(w.text, wording) for w in written)
    assert mean_length(written) > 2 * mean_length(requests("e0"))
    passages = Counter(w.text.split("Problem: ")[1][:200] for w in written)
    assert passages.most_common(1)[0][1] >= 2
    assert len(passages) > 0.6 * len(written)


@pytest.mark.parametrize("name", ["stepwise-ledger", "question-mill"])
def test_e2_puts_noise_on_one_to_five_percent_and_into_the_template(name: str) -> None:
    written = requests("e2", name)
    wording = template(name).wordings[0]
    shares = [noise(w.text) / len(w.text) for w in written]
    assert 0.01 <= min(shares) <= max(shares) <= 0.05
    assert sum(holds(w.text, wording) for w in written) < 0.1 * len(written)
    assert all(holds(cleaned(w.text), wording) for w in written)


@pytest.mark.parametrize("name", ["推理过程采集", "разметка-отзывов"])
def test_e2_works_in_other_scripts(name: str) -> None:
    clean = {w.text for w in requests("e0", name)}
    noisy = requests("e2", name)
    assert not clean & {w.text for w in noisy}
    wording = template(name).wordings[0]
    assert sum(holds(w.text, wording) for w in noisy) < 0.5 * len(noisy)


def test_e3_pads_before_after_or_both() -> None:
    written = requests("e3", count=200)
    wording = template("stepwise-ledger").wordings[0]
    assert all(holds(w.text, wording) for w in written)
    sides = {
        (not w.text.startswith(wording.constants[0]), not w.text.endswith(wording.constants[-1]))
        for w in written
    }
    assert sides == {(True, False), (False, True), (True, True)}


def test_e4_uses_every_wording() -> None:
    written = requests("e4", "pairwise-judge", count=200)
    wordings = template("pairwise-judge").wordings
    counts = Counter(w.family for w in written)
    assert set(counts) == {f"pairwise-judge/{number}" for number in range(len(wordings))}
    assert min(counts.values()) > 0.15 * len(written)
    assert all(holds(w.text, wordings[int(str(w.family)[-1])]) for w in written)


def test_e5_asks_the_same_in_eight_languages() -> None:
    written = requests("e5", "neutral-recast", count=200)
    by_language = {wording.language: wording for wording in template("neutral-recast").multilingual}
    assert {w.language for w in written} == set(by_language) == set(LANGUAGES)
    assert all(holds(w.text, by_language[w.language]) for w in written)
    assert all(w.family == f"neutral-recast/{w.language}" for w in written)


@pytest.mark.parametrize("name", ["stepwise-ledger", "pairwise-judge", "question-mill"])
def test_e6_rewords_every_request(name: str) -> None:
    written = requests("e6", name, count=120)
    wording = template(name).wordings[0]
    assert not any(holds(w.text, wording) for w in written)
    # The words before the first slot are the longest run of template: no two requests share them.
    opening = wording.constants[0].split()
    heads = [tuple(w.text.split()[: len(opening)]) for w in written]
    assert len(set(heads)) == len(heads)
    # Yet it stays the same task: a good part of the template's words survives.
    kept = [len({*opening} & {*w.text.split()}) / len({*opening}) for w in written]
    assert 0.25 < sum(kept) / len(kept) < 0.9


@pytest.mark.parametrize("name", ["worked-answers", "reward-cards", "news-desk"])
def test_e9_rotates_over_ten_wordings_and_rewords_every_request(name: str) -> None:
    written = requests("e9", name, count=300)
    wordings = template(name).wordings
    counts = Counter(w.family for w in written)
    assert set(counts) == {f"{name}/{number}" for number in range(10)}
    assert min(counts.values()) > 0.05 * len(written)
    number_of = [int(str(w.family).rpartition("/")[2]) for w in written]
    kept = []
    for request, number in zip(written, number_of, strict=True):
        words = {*" ".join(wordings[number].constants).split()}
        kept.append(len(words & {*request.text.split()}) / len(words))
    assert 0.4 < sum(kept) / len(kept) < 0.85
    exact = sum(holds(w.text, wordings[number]) for w, number in zip(written, number_of, strict=True))
    assert exact < 0.02 * len(written)


@pytest.mark.parametrize("name", ["worked-answers", "reward-cards", "news-desk"])
def test_ten_wordings_are_no_small_edits_of_each_other(name: str) -> None:
    """Word pairs in a row: no two wordings share more than a tenth of them."""
    runs = []
    for wording in template(name).wordings:
        words = re.findall(r"\w+", " ".join(wording.constants).lower())
        runs.append({*pairwise(words)})
    assert len(runs) == 10
    shared = [len(one & other) / min(len(one), len(other)) for one, other in combinations(runs, 2)]
    assert max(shared) < 0.1


def test_an_appended_template_follows_in_every_request() -> None:
    written = requests("e0", "question-mill", appended="brief-maker")
    first, second = (template(name).wordings[0] for name in ("question-mill", "brief-maker"))
    both = first.followed_by(second)
    assert both.slots == (*first.slots, *second.slots)
    assert all(holds(w.text, both) for w in written)
    assert {w.family for w in written} == {"question-mill/0"}
    translated = requests("e5", "stepwise-ledger", count=80, appended="neutral-recast")
    for request in translated:
        assert holds(request.text, template("neutral-recast").in_language(request.language))


def test_e8_relays_what_ordinary_people_write() -> None:
    written = requests("e8", count=100)
    assert {w.family for w in written} == {None}
    assert len({w.text for w in written}) > 90


def test_a_drifting_template_moves_further_each_day_and_alike_for_all() -> None:
    plan = CampaignPlan("c", "stepwise-ledger", "e0", life="drifts")
    opening = template("stepwise-ledger").wordings[0].constants[0].split()

    def heads(day: int) -> set[str]:
        draws = stream(5, "test", day)
        return {
            write(plan, 5, day, draws).text.split("\nProblem", 1)[0].split(": ")[0][:60] for _ in range(20)
        }

    def kept(day: int) -> int:
        text = write(plan, 5, day, stream(5, "test", day)).text.split()
        return len({*opening} & {*text})

    assert all(len(heads(day)) == 1 for day in range(3))
    assert kept(0) > kept(1) > kept(3)
    assert kept(3) > 0.4 * len({*opening})


def test_a_voice_is_one_person() -> None:
    first, again, other = (voice(stream(1, "voice", number)) for number in (1, 1, 2))
    assert first == again
    assert (first.topics, first.intents) != (other.topics, other.intents)
