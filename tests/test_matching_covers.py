"""What is found by its words alone: it says so, stands behind every template, and names nobody by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matching_cases import GRADE, SLOT, TIDE, cover_of, entry, filled, row, write_parquet

from campaigns.records import MatcherState
from campaigns.settings import Settings
from matching.known import How, KnownCampaigns, Owner
from matching.match import BY_WORDS, MOST_CAMPAIGNS, match, slot_values
from matching.stream import match_traffic

WORDING = "inspect every weld of my boiler and report which seam leaks before winter"
TOLD = 13
"""Its distinct words."""
CHANGED = "Before winter: report each leaks, inspect my boiler seam, weld and all"
"""Ten of them, in another order."""
REFUSED = entry("c-weld", (SLOT, " weld"), state=MatcherState.TOO_SHORT, cover=cover_of(WORDING))
BOTH = entry("c-grade", GRADE, cover=cover_of(GRADE[0] if isinstance(GRADE[0], str) else ""))
KNOWN = KnownCampaigns.of([REFUSED, BOTH, entry("c-tide", TIDE)])


def found(text: str, known: KnownCampaigns = KNOWN) -> list[tuple[str, str, float, list[str]]]:
    matches = match([text], known)
    owners = [known.owners[owner] for owner in matches.owners.tolist()]
    slots = slot_values([text], matches).to_pylist()
    return [
        (owner.campaign_id, owner.how.value, strength, values)
        for owner, strength, values in zip(owners, matches.strength.tolist(), slots, strict=True)
    ]


def test_a_wording_without_a_live_template_is_found_by_its_words() -> None:
    assert found(CHANGED) == [("c-weld", "wording", pytest.approx(BY_WORDS * 10 / (0.8 * TOLD)), [])]
    assert found("Inspect every weld, then rest") == []


def test_strength_is_below_that_of_a_whole_template_whatever_is_there() -> None:
    assert found(WORDING) == [("c-weld", "wording", BY_WORDS, [])]
    assert not match([WORDING], KNOWN).whole.any()


def test_the_template_goes_before_the_words_of_its_campaign() -> None:
    assert found(filled(GRADE, "a lamp")) == [("c-grade", "template", 1.0, ["a lamp"])]
    turned = "From the following essay: reasons, and to one grade give, your ten lamps"
    assert [(name, how) for name, how, _, _ in found(turned)] == [("c-grade", "wording")]


def test_slots_stand_beside_their_own_match() -> None:
    text = f"{filled(TIDE, 'Ur', '2')} {WORDING}"
    slots = {(name, how): values for name, how, _, values in found(text)}
    assert slots[("c-weld", "wording")] == []
    assert slots[("c-tide", "template")][0] == "Ur"


def test_owners_are_templates_first_and_a_wording_may_be_sought_both_ways() -> None:
    assert KNOWN.owners == (
        Owner("c-grade", 0),
        Owner("c-tide", 0),
        Owner("c-weld", 0, how=How.WORDING),
        Owner("c-grade", 0, how=How.WORDING),
    )
    assert KNOWN.refused == ()
    assert (KNOWN.n_campaigns, KNOWN.n_wordings, len(KNOWN)) == (3, 3, 4)


def test_what_is_sound_neither_way_is_refused_with_both_reasons() -> None:
    unsound = cover_of(WORDING, state=MatcherState.COLLIDES)
    known = KnownCampaigns.of([replace(REFUSED, cover=unsound)])
    assert len(known) == 0
    [refused] = known.refused
    assert refused.reason == (
        "too little constant text: 0 of 9000 prompts outside families match; "
        "by its words: 0 of 9000 prompts outside families do"
    )
    assert found(WORDING, known) == []


def test_the_digest_names_every_word_of_a_cover() -> None:
    assert REFUSED.cover is not None
    heavier = replace(REFUSED.cover, weights=(5_001, *REFUSED.cover.weights[1:]))
    digests = {
        KnownCampaigns.of([one]).digest
        for one in (REFUSED, replace(REFUSED, cover=heavier), replace(REFUSED, cover=None))
    }
    assert len(digests) == 3


def test_of_many_campaigns_the_strongest_are_told() -> None:
    known = KnownCampaigns.of([replace(REFUSED, campaign_id=f"c-{k:02}") for k in range(MOST_CAMPAIGNS + 9)])
    assert [name for name, _, _, _ in found(WORDING, known)] == [f"c-{k:02}" for k in range(MOST_CAMPAIGNS)]


TEXTS = [WORDING, CHANGED, filled(GRADE, "a lamp"), filled(TIDE, "Ur", "2"), "hello", "", "\x00\u202e" * 99]


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(len(TEXTS))), st.integers(1, 300))
def test_order_of_texts_and_size_of_slices_do_not_matter(order: list[int], slice_bytes: int) -> None:
    texts = [TEXTS[i] for i in order]
    matches = match(texts, KNOWN, slice_bytes=slice_bytes)
    slots = slot_values(texts, matches).to_pylist()
    columns = (matches.texts.tolist(), matches.owners.tolist(), matches.strength.tolist(), slots)
    told = sorted((TEXTS[order[text]], *rest) for text, *rest in zip(*columns, strict=True))
    alone = [(text, KNOWN, found(text)) for text in TEXTS]
    expected = sorted(
        (text, [(o.campaign_id, o.how.value) for o in KNOWN.owners].index((name, how)), strength, values)
        for text, _, of in alone
        for name, how, strength, values in of
    )
    assert told == expected


def test_a_pass_says_how_and_counts_words_apart(tmp_path: Path) -> None:
    rows = [
        row(0, WORDING, account_id="a"),
        row(1, CHANGED, account_id="a"),
        row(2, filled(GRADE, "a lamp"), account_id="a"),
        row(3, CHANGED, account_id="b"),
        row(4, "hello", account_id="b"),
    ]
    traffic = write_parquet(tmp_path / "traffic.parquet", rows)
    match_traffic(str(traffic), [REFUSED, BOTH], tmp_path / "out", Settings())
    matches = pl.read_parquet(tmp_path / "out/matches/*.parquet")
    assert matches.select("prompt_id", "how").rows() == [
        ("p00000", "wording"), ("p00001", "wording"), ("p00002", "template"), ("p00003", "wording"),
    ]  # fmt: skip
    assert pl.read_parquet(tmp_path / "out/counts.parquet").rows() == [
        ("c-grade", "a", 1, 0, 3),
        ("c-weld", "a", 2, 2, 3),
        ("c-weld", "b", 1, 1, 2),
    ]
