"""Campaign ids: kept by template or by accounts, minted from content, never given twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.entries import Event
from campaigns.settings import IdentitySettings
from clustering.fits import Found, Known, Remembered, Wording
from clustering.identity import Identity, Recognised, mint, parted, recognise, variants
from clustering.overlap import Core, overlap_matrix

DAY = date(2026, 1, 6)
SETTINGS = IdentitySettings()
EVERYBODY = 1_000


def core(features: Iterable[int] | dict[int, float]) -> Core:
    weights = features if isinstance(features, dict) else dict.fromkeys(features, 1.0)
    names = sorted(weights)
    return Core(np.array(names, np.uint64), np.array([weights[n] for n in names], np.float32))


def found(
    *wordings: Iterable[int], accounts: Iterable[int] = (), each: int = 3, direction: int | None = None
) -> Found:
    names = np.array(sorted(accounts), np.int64)
    return Found(
        [Wording(core(features), 30, pointing(direction)) for features in wordings],
        names,
        np.full(len(names), each),
    )


def known(
    name: str,
    *wordings: Iterable[int],
    accounts: Iterable[int] = (),
    ago: int = 1,
    merged_into: str | None = None,
    direction: int | None = None,
) -> Known:
    day = DAY - timedelta(days=ago)
    return Known(
        name,
        day,
        [Remembered(n, core(one), day, pointing(direction)) for n, one in enumerate(wordings)],
        np.array(sorted(accounts), np.int64),
        merged_into,
    )


def of_first_pass(name: str, *wordings: Iterable[int], born_today: bool) -> Known:
    return replace(known(name, *wordings, ago=0), born_today=born_today)


def pointing(axis: int | None) -> np.ndarray | None:
    return None if axis is None else np.eye(8, dtype=np.float32)[axis]


def told(today: Sequence[Found], before: Sequence[Known]) -> Recognised:
    return recognise(today, before, DAY, np.full(EVERYBODY, 2, np.int64), SETTINGS)


def one(today: Found, *before: Known) -> Identity:
    return told([today], before).identities[0]


# -- the template side ---------------------------------------------------------------------------------


def test_overlap_is_the_weighted_jaccard_of_the_formula() -> None:
    a, b = core({1: 2.0, 2: 4.0}), core({2: 1.0, 3: 3.0})
    assert overlap_matrix([a], [b, a])[0] == pytest.approx([1 / (2 + 4 + 3), 1.0])
    assert overlap_matrix([a], [core({})])[0, 0] == 0.0


def test_a_drifting_template_keeps_its_id_and_a_new_one_gets_its_own() -> None:
    before = [known("c-old", range(10)), known("c-other", range(50, 60))]
    drifted, fresh = told([found(range(2, 12)), found(range(100, 110))], before).identities
    assert (drifted.campaign_id, drifted.event, drifted.other_id) == ("c-old", Event.KEPT, None)
    assert drifted.overlap == pytest.approx(8 / 12, abs=1e-6)
    assert (fresh.event, fresh.other_id) == (Event.MINTED, None)
    assert fresh.campaign_id not in {"c-old", "c-other"}


def test_a_campaign_is_found_again_by_one_of_its_wordings() -> None:
    """The union of eight wordings against one of them overlaps by an eighth."""
    before = known("c-eight", *(range(100 * n, 100 * n + 10) for n in range(8)))
    again = one(found(range(300, 310)), before)
    assert (again.campaign_id, again.overlap) == ("c-eight", 1.0)


def test_the_best_fit_keeps_the_id_though_two_middling_fits_would_sum_to_more() -> None:
    before = [known("c-a", range(20)), known("c-b", range(7, 25))]
    fits_a_well = found(range(19))  # overlaps a by 19/20, b by 12/25
    fits_a_somewhat = found(range(10))  # overlaps a by 10/20, b by 3/25
    well, somewhat = told([fits_a_well, fits_a_somewhat], before).identities
    assert (well.campaign_id, well.overlap) == ("c-a", 0.95)
    assert somewhat.campaign_id not in {"c-a", "c-b"}


# -- the account side ----------------------------------------------------------------------------------


def test_accounts_keep_the_id_of_a_template_that_is_hardly_itself() -> None:
    before = known("c-old", range(20), accounts=range(30))
    changed = range(16, 36)  # overlaps by 4/36
    assert one(found(changed, accounts=range(500, 530)), before).event == Event.POSSIBLY_CONTINUES
    kept = one(found(changed, accounts=range(30)), before)
    assert (kept.campaign_id, kept.event, kept.shared) == ("c-old", Event.KEPT, 30)
    assert kept.expected < 3


def test_the_same_accounts_with_other_words_for_the_same_keep_the_id() -> None:
    before = known("c-old", range(20), accounts=range(30), direction=0)
    other_words = range(100, 120)
    assert one(found(other_words, accounts=range(30), direction=0), before).event == Event.KEPT
    another_job = one(found(other_words, accounts=range(30), direction=1), before)
    assert (another_job.event, another_job.other_id) == (Event.POSSIBLY_CONTINUES, "c-old")


def test_other_words_and_other_accounts_for_what_is_gone_since_yesterday_are_a_question() -> None:
    """Of two that asked for the same, the one that vanished last; one that is still there is no candidate."""
    long_gone = known("c-gone", range(20), ago=8, direction=0)
    before = known("c-before", range(20, 40), ago=3, direction=0)
    there = known("c-there", range(40, 60), direction=0)
    yesterday = known("c-yesterday", range(60, 80), direction=0)
    other = known("c-other", range(80, 99), direction=1)
    again, anew = found(range(40, 60), direction=0), found(range(100, 120), direction=0)
    everyone = [long_gone, before, there, yesterday, other]
    identity = told([again, anew], everyone).identities[1]
    assert (identity.event, identity.other_id) == (Event.POSSIBLY_CONTINUES, "c-yesterday")
    assert identity.campaign_id not in {one.campaign_id for one in everyone}
    assert told([again, anew], [long_gone, there, other]).identities[1].event == Event.MINTED


def test_accounts_that_everybody_shares_tie_nobody() -> None:
    """Accounts so busy that they are in every family."""
    activity = np.full(EVERYBODY, 1, np.int64)
    activity[:6] = 3_000
    today = Found([Wording(core(range(16, 36)), 30)], np.arange(6), np.full(6, 200))
    before = known("c-old", range(20), accounts=range(6))
    identity = recognise([today], [before], DAY, activity, SETTINGS).identities[0]
    assert identity.event == Event.POSSIBLY_CONTINUES
    assert identity.shared == 6
    assert identity.expected > 3


def test_two_jobs_of_one_pool_keep_their_own_ids() -> None:
    pool = range(40)
    before = [known("c-a", range(20), accounts=pool), known("c-b", range(50, 70), accounts=pool)]
    b, a = told([found(range(52, 72), accounts=pool), found(range(1, 21), accounts=pool)], before).identities
    assert (a.campaign_id, b.campaign_id) == ("c-a", "c-b")


# -- split, merge, parts -------------------------------------------------------------------------------


def test_wordings_whose_accounts_part_become_two_campaigns() -> None:
    before = known("c-old", range(20), range(50, 70), accounts=range(40))
    halves = [found(range(20), accounts=range(22)), found(range(50, 70), accounts=range(22, 40))]
    stays, leaves = told(halves, [before]).identities
    assert (stays.campaign_id, stays.event) == ("c-old", Event.KEPT)
    assert (leaves.event, leaves.other_id) == (Event.SPLIT, "c-old")
    assert leaves.campaign_id == mint(DAY, halves[1])


def test_a_campaign_rewritten_overnight_in_several_wordings_keeps_its_id_in_all_of_them() -> None:
    """Unless its own words are sent as well: then what is alike may be another job of the pool."""

    def near(one: Found) -> Found:
        """Half way between what was asked for and something else."""
        half = np.array([0.5, 0.75**0.5, 0, 0, 0, 0, 0, 0], np.float32)
        return replace(one, wordings=[replace(wording, direction=half) for wording in one.wordings])

    before = known("c-old", range(20), accounts=range(40), direction=0)
    ours, others = (
        near(found(range(100, 120), accounts=range(30))),
        near(found(range(200, 220), accounts=range(10, 40))),
    )
    assert [i.campaign_id for i in told([ours, others], [before]).identities] == ["c-old"] * 2
    as_ever = found(range(20), accounts=range(30), direction=0)
    assert [i.campaign_id == "c-old" for i in told([as_ever, others], [before]).identities] == [True, False]


def test_a_reworded_half_that_leaves_is_a_split_by_who_sends_it_and_what_it_says() -> None:
    """Requests put in other words each time overlap with their wording of yesterday by little."""
    before = known("c-old", range(20), range(50, 70), accounts=range(40), direction=0)
    main = found(range(20), accounts=range(22), direction=0)
    half = found(range(68, 90), accounts=range(22, 40), direction=0)
    assert told([main, half], [before]).identities[1].event == Event.SPLIT
    strangers = found(range(68, 90), accounts=range(100, 118), direction=0)
    assert told([main, strangers], [before]).identities[1].event == Event.MINTED
    another_job = found(range(68, 90), accounts=range(22, 40), direction=1)
    assert told([main, another_job], [before]).identities[1].event == Event.MINTED


def test_a_wording_found_apart_that_has_not_parted_stays_with_its_campaign() -> None:
    """The accounts send one prompt each: that they do not meet tells nothing."""
    before = known("c-old", range(20), range(50, 70), accounts=range(40))
    main = found(range(20), accounts=range(30), each=1)
    apart = found(range(50, 70), accounts=range(30, 36), each=1)
    assert [i.campaign_id for i in told([main, apart], [before]).identities] == ["c-old", "c-old"]


def test_parted_needs_accounts_that_could_have_met() -> None:
    def pool(accounts: range, each: int) -> Found:
        return found(range(3), accounts=accounts, each=each)

    assert parted(pool(range(20), 3), [pool(range(20, 40), 3)])
    assert not parted(pool(range(20), 1), [pool(range(20, 40), 1)])
    assert not parted(pool(range(20), 3), [pool(range(18, 40), 3)])
    assert not parted(pool(range(2), 2), [pool(range(2, 4), 2)])


def test_a_pool_that_sends_what_two_campaigns_sent_takes_one_of_them_in() -> None:
    before = [
        known("c-a", range(20), accounts=range(20)),
        known("c-b", range(50, 70), accounts=range(20, 40)),
    ]
    both = told([found(range(20), range(50, 70), accounts=range(40))], before)
    (taken,) = both.merged
    kept = both.identities[0].campaign_id
    assert {kept, taken[0]} == {"c-a", "c-b"}
    assert (taken[1].event, taken[1].campaign_id, taken[1].overlap) == (Event.MERGED, kept, 1.0)


def test_a_campaign_that_parts_again_has_its_own_id_back() -> None:
    before = [
        known("c-a", range(20), range(50, 70), accounts=range(40)),
        known("c-b", range(50, 70), accounts=range(20, 40), ago=3, merged_into="c-a"),
    ]
    halves = [found(range(20), accounts=range(22)), found(range(50, 70), accounts=range(22, 40))]
    a, b = told(halves, before).identities
    assert (a.campaign_id, a.event) == ("c-a", Event.KEPT)
    assert (b.campaign_id, b.event, b.other_id) == ("c-b", Event.REAWAKENED, None)


def test_after_a_split_each_wording_belongs_to_who_had_it_last() -> None:
    yesterday = DAY - timedelta(days=1)
    parent = Known(
        "c-a",
        yesterday,
        [
            Remembered(0, core(range(20)), yesterday),
            Remembered(1, core(range(50, 70)), DAY - timedelta(days=2)),
        ],
        np.arange(40),
    )
    child = known("c-z", range(50, 70), accounts=range(20, 40))
    halves = [found(range(50, 70), accounts=range(20, 40)), found(range(20), accounts=range(20))]
    assert [i.campaign_id for i in told(halves, [parent, child]).identities] == ["c-z", "c-a"]


def parts(*campaigns: Known) -> list[Known]:
    """As a person has split them."""
    names = [one.campaign_id for one in campaigns]
    return [replace(one, apart_from=[name for name in names if name != one.campaign_id]) for one in campaigns]


def test_accounts_do_not_take_a_wording_to_another_part() -> None:
    """All of the pool is known for the part that is not seen today, and both ask for the same."""
    today = found(range(100, 120), accounts=range(30), direction=0)
    old = known("c-old", range(20), accounts=range(30), direction=0)
    new = known("c-new", range(102, 122), direction=0)
    assert one(today, old, new).campaign_id == "c-old"  # two campaigns that only runs told apart
    assert one(today, *parts(old, new)).campaign_id == "c-new"


def test_a_part_takes_no_other_in() -> None:
    """Each sends what is the same wording to a run; the other is not seen."""
    old, new = known("c-old", range(20)), known("c-new", range(4, 24))
    today = [found(range(20), range(200, 220))]
    assert [name for name, _ in told(today, [old, known("c-new", range(4, 24))]).merged] == ["c-new"]
    assert told(today, parts(old, new)).merged == []


def test_two_of_today_that_are_nearer_to_one_part_are_both_its_own() -> None:
    today = [found(range(100, 120), accounts=range(30)), found(range(102, 122), accounts=range(30))]
    old = known("c-old", range(106, 126), accounts=range(30))
    result = told(today, parts(old, known("c-new", range(101, 121), accounts=range(30))))
    assert [one.campaign_id for one in result.identities] == ["c-new", "c-new"]


def test_a_part_that_a_person_made_is_new_on_its_first_day() -> None:
    old = known("c-old", range(20))
    new = replace(known("c-new", range(100, 120), ago=30), split_from="c-old")
    identity = one(found(range(100, 120)), *parts(old, new))
    assert (identity.campaign_id, identity.event, identity.other_id) == ("c-new", Event.SPLIT, "c-old")
    asked = one(found(range(116, 136)), *parts(old, new))
    assert asked.event == Event.MINTED  # nobody is asked about what has no day yet


# -- sleep ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "event"), [(7, Event.KEPT), (8, Event.REAWAKENED), (180, Event.REAWAKENED)])
def test_a_campaign_that_returns_has_its_id_back(ago: int, event: Event) -> None:
    identity = one(found(range(20)), known("c-old", range(20), ago=ago))
    assert (identity.campaign_id, identity.event) == ("c-old", event)


def test_a_retired_campaign_is_only_named() -> None:
    identity = one(found(range(20)), known("c-old", range(20), ago=181))
    assert (identity.event, identity.other_id) == (Event.POSSIBLY_CONTINUES, "c-old")
    assert identity.campaign_id != "c-old"


def test_a_campaign_that_slept_is_not_taken_in() -> None:
    before = [known("c-a", range(20)), known("c-b", range(50, 70), ago=8)]
    assert not told([found(range(20), range(50, 70))], before).merged


# -- ids and numbers -----------------------------------------------------------------------------------


def test_ids_follow_from_day_and_content_only() -> None:
    first = mint(DAY, found([1, 2]))
    assert first == mint(DAY, found([2], [1], accounts=range(3)))
    assert first != mint(date(2026, 1, 7), found([1, 2]))
    assert first != mint(DAY, found([1, 3]))
    assert first == "c-" + first[2:].lower()
    assert len(first) == 18


def test_wordings_keep_their_numbers_and_new_ones_get_new_numbers() -> None:
    before = [Remembered(n, core(range(100 * n, 100 * n + 10)), DAY) for n in (0, 3, 4)]
    today = [
        Wording(core(range(900, 910)), 5),
        Wording(core(range(402, 412)), 9),
        Wording(core(range(800, 810)), 7),
    ]
    assert variants(today, before, 7) == [8, 4, 7]
    assert variants(today, [], 0) == [2, 0, 1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, 15), min_size=1), max_size=6, unique_by=frozenset),
    st.lists(st.sets(st.integers(0, 15), min_size=1), max_size=6, unique_by=frozenset),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter(today: list[set[int]], before: list[set[int]], random: object) -> None:
    now = [found(features, accounts=range(5 * i, 5 * i + 8)) for i, features in enumerate(today)]
    then = [known(f"c-{i}", one, accounts=range(4 * i, 4 * i + 9)) for i, one in enumerate(before)]
    straight = told(now, then)
    shuffled = list(then)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert told(now, shuffled) == straight
    backwards = told(now[::-1], then)
    assert backwards.identities[::-1] == straight.identities
    new = [i.campaign_id for i in straight.identities if i.event in (Event.MINTED, Event.SPLIT)]
    assert len(set(new)) == len(new)


def test_nothing_known_and_nothing_found() -> None:
    assert told([], [known("c-old", [1])]) == Recognised([], [])
    assert one(found([1])).event == Event.MINTED


def test_joined_by_a_second_pass_the_older_id_lasts() -> None:
    first, second = range(100), range(200, 300)
    older = of_first_pass("c-old", first, born_today=False)
    newer = of_first_pass("c-new", second, born_today=True)
    whole = replace(found(), wordings=[Wording(core(first), 10), Wording(core(second), 90)])
    assert one(whole, older, newer).campaign_id == "c-old"
    apart = told([found(second), found(first)], [older, newer])
    assert [identity.campaign_id for identity in apart.identities] == ["c-new", "c-old"]
    # One that the first pass did not see waits behind the id that it gave.
    assert one(whole, known("c-old", first), newer).campaign_id == "c-new"
