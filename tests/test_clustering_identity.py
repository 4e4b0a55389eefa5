"""Campaign ids: kept by overlap, minted from content, never given twice."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustering.identity import Core, identify, mint, overlap_matrix

DAY = date(2026, 1, 6)


def core(features: dict[int, float]) -> Core:
    names = sorted(features)
    return Core(np.array(names, np.uint64), np.array([features[n] for n in names], np.float32))


def test_overlap_is_the_weighted_jaccard_of_the_formula() -> None:
    a, b = core({1: 2.0, 2: 4.0}), core({2: 1.0, 3: 3.0})
    assert overlap_matrix([a], [b, a])[0] == pytest.approx([1 / (2 + 4 + 3), 1.0])
    assert overlap_matrix([a], [core({})])[0, 0] == 0.0


def test_a_drifting_family_keeps_its_id_and_a_new_one_gets_its_own() -> None:
    known = [
        ("c-old", core(dict.fromkeys(range(10), 1.0))),
        ("c-other", core(dict.fromkeys(range(50, 60), 1.0))),
    ]
    families = [core(dict.fromkeys(range(2, 12), 1.0)), core(dict.fromkeys(range(100, 110), 1.0))]
    drifted, fresh = identify(families, known, DAY, 0.3)
    assert (drifted.campaign_id, drifted.event) == ("c-old", "kept")
    assert drifted.overlap == pytest.approx(8 / 12, abs=1e-6)
    assert fresh.event == "minted"
    assert fresh.campaign_id not in {"c-old", "c-other"}


def test_two_families_never_share_an_id_and_the_better_one_keeps_it() -> None:
    known = [("c-old", core(dict.fromkeys(range(10), 1.0)))]
    split = [core(dict.fromkeys(range(4), 1.0)), core(dict.fromkeys(range(2, 10), 1.0))]
    first, second = identify(split, known, DAY, 0.3)
    assert second.campaign_id == "c-old"
    assert first.event == "minted"


def test_the_best_fit_keeps_the_id_though_two_middling_fits_would_sum_to_more() -> None:
    known = [("c-a", core(dict.fromkeys(range(20), 1.0))), ("c-b", core(dict.fromkeys(range(12, 32), 1.0)))]
    fits_a_well = core(dict.fromkeys(range(19), 1.0))  # overlaps a by 19/20, b by 7/32
    fits_a_somewhat = core(dict.fromkeys(range(4, 20), 1.0))  # overlaps a by 16/20, b by 8/28
    well, somewhat = identify([fits_a_well, fits_a_somewhat], known, DAY, 0.2)
    assert (well.campaign_id, somewhat.campaign_id) == ("c-a", "c-b")
    assert well.overlap == pytest.approx(19 / 20)


def test_ids_follow_from_day_and_content_only() -> None:
    a = core({1: 1.0, 2: 2.0})
    assert mint(DAY, a) == mint(DAY, core({2: 9.0, 1: 3.0}))
    assert mint(DAY, a) != mint(date(2026, 1, 7), a)
    assert mint(DAY, a) != mint(DAY, core({1: 1.0, 3: 2.0}))
    assert mint(DAY, a) == "c-" + mint(DAY, a)[2:].lower()
    assert len(mint(DAY, a)) == 18


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 15), min_size=1), max_size=6, unique_by=frozenset),
    st.lists(st.sets(st.integers(0, 15), min_size=1), max_size=6, unique_by=frozenset),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter(today: list[set[int]], before: list[set[int]], random: object) -> None:
    families = [core(dict.fromkeys(features, 1.0)) for features in today]
    known = [(f"c-{i}", core(dict.fromkeys(features, 1.0))) for i, features in enumerate(before)]
    straight = identify(families, known, DAY, 0.3)
    assert len({identity.campaign_id for identity in straight}) == len(straight)
    shuffled = list(known)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert identify(families, shuffled, DAY, 0.3) == straight
    assert identify(families[::-1], known, DAY, 0.3)[::-1] == straight


def test_nothing_known_and_nothing_found() -> None:
    assert identify([], [("c-old", core({1: 1.0}))], DAY, 0.3) == []
    assert identify([core({1: 1.0})], [], DAY, 0.3)[0].event == "minted"
