"""Which campaigns a text belongs to, how surely, and what stands in the slots."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import GRADE, KNOWN, LEDGER, SLOT, TIDE, entry, filled, planted

from campaigns.records import MatcherState, Template
from labeling.sought import matchers_of, screen_of, words_of
from matching import match as module
from matching.known import KnownCampaigns, Owner
from matching.match import MOST_CAMPAIGNS, SLOT_BYTES, match, slot_values

CAMPAIGNS = KnownCampaigns.of(KNOWN)


def found(text: str, known: KnownCampaigns = CAMPAIGNS) -> list[tuple[str, float, list[str]]]:
    matches = match([text], known)
    names = [known.owners[owner].campaign_id for owner in matches.owners.tolist()]
    return list(zip(names, matches.strength.tolist(), slot_values([text], matches).to_pylist(), strict=True))


def test_planted_prompts_are_found_and_nothing_else() -> None:
    rows, truth = planted()
    matches = match([row["prompt"] for row in rows], CAMPAIGNS)
    assert matches.whole.all()
    names = {
        rows[text]["prompt_id"]: CAMPAIGNS.owners[owner].campaign_id
        for text, owner in zip(matches.texts.tolist(), matches.owners.tolist(), strict=True)
    }
    assert names == truth


def test_whole_is_what_the_matcher_alone_accepts() -> None:
    """The oracle: each template by itself, without a screen."""
    rows, _ = planted(60)
    texts = [row["prompt"] for row in rows] + [f"Good day. {row['prompt']}" for row in rows]
    words = words_of(texts)
    for parts in (GRADE, TIDE, LEDGER):
        known = KnownCampaigns.of([entry("c-1", parts)])
        [matcher] = matchers_of([Template(tuple(parts), 0, 0, 0)])
        whole = match(texts, known)
        assert whole.texts[whole.whole].tolist() == np.flatnonzero(matcher.match_tokens(words)).tolist()
        assert whole.texts.tolist() == np.flatnonzero(matcher.anywhere().match_tokens(words)).tolist()


def test_slots_are_what_was_put_into_the_template() -> None:
    assert found(filled(TIDE, "Ålesund, “north”", "3")) == [("c-tide", 1.0, ["Ålesund, “north", "3"])]
    assert found(filled(LEDGER, " May: 3\x00 in. ")) == [("c-ledger", 1.0, ["May: 3\x00 in"])]
    assert found(filled(GRADE, "")) == [("c-grade", 1.0, [""])]


def test_strength_falls_with_what_stands_around_and_with_what_is_missing() -> None:
    words = 12
    assert found("So: " + filled(GRADE, "a lamp"))[0][1] == pytest.approx(words / 15)
    assert found("He said that once. " + filled(GRADE, "a lamp"))[0][1] == pytest.approx(words / 18)
    drifted = filled(GRADE, "a lamp").replace("essay from", "long essay from")
    assert found(drifted) == [("c-grade", pytest.approx(8 / words), ["a lamp"])]


def test_a_text_of_several_campaigns_is_of_all_the_strongest_first() -> None:
    both = filled(GRADE, "it rained") + ". " + filled(TIDE, "Ur", "2")
    assert [name for name, _, _ in found(both)] == ["c-grade", "c-tide"]
    assert found(both)[0][1] == 1.0
    assert found(both)[1][1] < 1.0


def test_of_the_wordings_of_a_campaign_the_strongest_counts() -> None:
    longer = (*GRADE[:1], SLOT, " Be strict and do not spare the author at all.")
    known = KnownCampaigns.of([entry("c-1", GRADE), entry("c-1", longer, variant=1), entry("c-2", GRADE)])
    matches = match([filled(longer, "x"), filled(GRADE, "x")], known)
    assert [known.owners[k] for k in matches.owners.tolist()] == [
        Owner("c-1", 1),
        Owner("c-2", 0),
        Owner("c-1", 0),
        Owner("c-2", 0),
    ]


def test_what_is_not_usable_is_refused_with_its_reason() -> None:
    known = KnownCampaigns.of(
        [
            entry("c-1", GRADE, state=MatcherState.COLLIDES),
            entry("c-2", GRADE, template_json="{"),
            entry("c-3", TIDE),
        ],
        seeds=[entry("s-1", LEDGER)],
    )
    assert known.owners == (Owner("c-3", 0), Owner("s-1", 0, seed=True))
    assert [refused.owner.campaign_id for refused in known.refused] == ["c-1", "c-2"]
    assert known.refused[0].reason.startswith("matches others: ")
    assert known.refused[1].reason == "a stored template is damaged"


def test_a_wording_that_is_not_for_anywhere_is_found_whole_only() -> None:
    known = KnownCampaigns.of([entry("c-1", GRADE, anywhere=False)])
    assert len(found(filled(GRADE, "x"), known)) == 1
    assert found("First: " + filled(GRADE, "x"), known) == []


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 4_000), st.randoms(use_true_random=False))
def test_order_of_texts_and_size_of_slices_do_not_matter(slice_bytes: int, random: object) -> None:
    texts = [row["prompt"] for row in planted(60)[0]] + ["", "Hello. " + filled(GRADE, "x")]
    order = np.random.default_rng(slice_bytes).permutation(len(texts))
    expected = match(texts, CAMPAIGNS)
    shuffled = match([texts[i] for i in order], CAMPAIGNS, slice_bytes=slice_bytes)

    def described(matches: module.Matches, names: list[int]) -> set[tuple[object, ...]]:
        slots = [
            tuple(map(tuple, matches.slots[a:b].tolist()))
            for a, b in zip(matches.slot_from[:-1], matches.slot_from[1:], strict=True)
        ]
        columns = (matches.owners.tolist(), matches.whole.tolist(), matches.strength.tolist(), slots)
        return set(zip([names[i] for i in matches.texts.tolist()], *columns, strict=True))

    assert described(shuffled, order.tolist()) == described(expected, list(range(len(texts))))


def test_nothing_known_and_nothing_given() -> None:
    nobody = KnownCampaigns.of([])
    assert len(match(["a", ""], nobody)) == len(match([], nobody)) == len(match([], CAMPAIGNS)) == 0
    assert slot_values([], match([], CAMPAIGNS)).to_pylist() == []


@pytest.mark.parametrize(
    "text", ["", "\x00", "\u202e\u200b", "🙂" * 500, "x" * 5_000, "\ufdfa" * 300, "." * 5_000, "a " * 5_000]
)
def test_hostile_texts_are_texts(text: str) -> None:
    assert found(text) == []
    assert found(filled(GRADE, text))[0][0] == "c-grade"


def test_a_text_that_matches_everything_cannot_blow_up_the_answer() -> None:
    names = [f"w{i:02d}a w{i:02d}b w{i:02d}c w{i:02d}d" for i in range(40)]
    known = KnownCampaigns.of([entry(f"c-{i:02d}", (SLOT, name, SLOT)) for i, name in enumerate(names)])
    text = "é" * 3_000 + " " + " ".join(names)
    matches = match([text, names[39]], known)
    assert matches.texts.tolist() == [0] * MOST_CAMPAIGNS + [1]
    assert known.owners[matches.owners[-1]].campaign_id == "c-39"
    values = slot_values([text, names[39]], matches).to_pylist()
    assert all(len(value.encode()) <= SLOT_BYTES for slots in values for value in slots)
    assert values[0][0] == "é" * (SLOT_BYTES // 2)


def test_many_templates_are_compiled_like_one_by_one() -> None:
    templates = [Template(tuple(parts), 0, 0, 0) for parts in (GRADE, TIDE, LEDGER, (SLOT,), ())]
    for one, alone in zip(matchers_of(templates), (matchers_of([t])[0] for t in templates), strict=True):
        assert one.literals.tolist() == alone.literals.tolist()
        assert (one.leading, one.trailing) == (alone.leading, alone.trailing)
    assert len(screen_of(matchers_of(templates))) == 5
