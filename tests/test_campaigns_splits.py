"""People split campaigns, and take it back; the runs to come know the parts as people said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from store_examples import MONDAY, NOON, TUESDAY, WEDNESDAY, a_campaign, a_run, a_wording, publish_now

from campaigns.collisions import Met
from campaigns.entries import (
    CampaignRecord,
    CampaignState,
    Event,
    KnownCampaign,
    Lineage,
    Saying,
    Split,
    Verdict,
    WordingRecord,
)
from campaigns.errors import UsageError
from campaigns.known_matchers import select_held, select_latest_wordings, select_met, select_suspected
from campaigns.records import Tier
from campaigns.splits import holders, record_split, select_splits, standing_splits, take_split_back
from campaigns.store import Store

THURSDAY, FRIDAY = WEDNESDAY + timedelta(days=1), WEDNESDAY + timedelta(days=2)


def campaign(name: str, *wordings: WordingRecord, lineage: tuple[Lineage, ...] = ()) -> CampaignRecord:
    return replace(a_campaign(name), wordings=wordings, lineage=lineage)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """`old` in three wordings on Monday, in the first two on Tuesday; each is told by its feature."""
    with Store.open_url(store_url) as opened:
        publish_now(
            opened, a_run(MONDAY), [campaign("old", a_wording(10, 0), a_wording(11, 1), a_wording(12, 2))]
        )
        publish_now(opened, a_run(TUESDAY), [campaign("old", a_wording(20, 0), a_wording(21, 1))])
        yield opened


def part(store: Store, name: str, *variants: int, at: datetime = NOON) -> Split:
    with store.writing() as session:
        return record_split(session, name, variants, reason="another job", author="ada", clock=lambda: at)


def take_back(store: Store, split: Split, at: datetime = NOON) -> Split:
    with store.writing() as session:
        return take_split_back(session, split.id, reason="one job", author="eve", clock=lambda: at)


def known(store: Store, before: date = WEDNESDAY) -> dict[str, KnownCampaign]:
    return {one.campaign_id: one for one in store.known_campaigns(before, latest_days=2)}


def wordings(one: KnownCampaign) -> dict[int, int]:
    """The feature of each, by its number."""
    assert {wording.campaign_id for wording in one.wordings} <= {one.campaign_id}
    return {wording.variant: int(wording.features[0]) for wording in one.wordings}


# -- splits --------------------------------------------------------------------------------------------


def test_parted_wordings_are_known_under_the_new_id(store: Store) -> None:
    split = part(store, "old", 1)
    old, new = known(store)["old"], known(store)[str(split.new_id)]
    assert (wordings(old), wordings(new)) == ({0: 20, 2: 12}, {1: 21})
    assert (old.last_day, old.first_free, old.merged_into) == (TUESDAY, 3, None)
    assert (new.last_day, new.first_free, new.merged_into) == (TUESDAY, 2, None)
    assert new.runs == old.runs == ("runs/2026-01-06/1", "runs/2026-01-05/1")
    assert (new.formerly, new.untold) == ("old", split)
    assert (old.formerly, old.untold) == (None, None)
    assert (old.apart_from, new.apart_from) == ((new.campaign_id,), ("old",))


def test_a_part_was_last_seen_with_its_own_wordings(store: Store) -> None:
    split = part(store, "old", 2)
    assert known(store)[str(split.new_id)].last_day == MONDAY
    part(store, "old", 1)
    assert known(store)["old"].last_day == TUESDAY


def test_a_day_done_again_parts_what_was_known_before_it(store: Store) -> None:
    split = part(store, "old", 1)
    assert known(store, MONDAY) == {}
    assert wordings(known(store, TUESDAY)[str(split.new_id)]) == {1: 11}


def test_with_days_of_its_own_it_is_known_once_and_told(store: Store) -> None:
    """The old campaign's wording was of Tuesday, the new one's is of Wednesday; a new one got the next number."""
    split = part(store, "old", 1, 2)
    name = str(split.new_id)
    publish_now(
        store,
        a_run(WEDNESDAY),
        [campaign("old", a_wording(30, 0)), campaign(name, a_wording(31, 1), a_wording(33, 3))],
    )
    old, new = known(store, THURSDAY)["old"], known(store, THURSDAY)[name]
    assert (wordings(old), wordings(new)) == ({0: 30}, {1: 31, 2: 12, 3: 33})
    assert (new.last_day, new.first_free, new.runs) == (WEDNESDAY, 4, ("runs/2026-01-07/1",))
    assert (new.formerly, new.untold) == (None, None)
    assert new.apart_from == ("old",)


def test_what_a_run_gave_to_the_old_campaign_before_it_knew_goes_to_the_new_one(store: Store) -> None:
    split = part(store, "old", 1)
    publish_now(store, a_run(WEDNESDAY), [campaign("old", a_wording(30, 0), a_wording(31, 1))])
    new = known(store, THURSDAY)[str(split.new_id)]
    assert (wordings(new), new.last_day) == ({1: 31}, WEDNESDAY)
    assert wordings(known(store, THURSDAY)["old"]) == {0: 30, 2: 12}


def test_the_first_pass_of_a_day_did_not_know_and_the_second_does(store: Store) -> None:
    publish_now(store, a_run(WEDNESDAY), [campaign("old", a_wording(30, 0), a_wording(31, 1))])
    (first_pass,) = (replace(one, born_today=True) for one in store.known_campaigns(THURSDAY, latest_days=1))
    split = part(store, "old", 1)
    then = store.known_campaigns(WEDNESDAY, latest_days=2, first_pass=[first_pass])
    assert {one.campaign_id: wordings(one) for one in then} == {
        "old": {0: 30, 2: 12},
        str(split.new_id): {1: 31},
    }


def test_parts_of_one_campaign_are_all_apart(store: Store) -> None:
    """Two wordings parted from the first, and one of them from the other once it had a day."""
    first = part(store, "old", 1, 2)
    name = str(first.new_id)
    publish_now(store, a_run(WEDNESDAY), [campaign(name, a_wording(31, 1), a_wording(32, 2))])
    second = part(store, name, 2)
    now = known(store, THURSDAY)
    assert {one.campaign_id: wordings(one) for one in now.values()} == {
        "old": {0: 20},
        name: {1: 31},
        str(second.new_id): {2: 32},
    }
    assert all({name, *one.apart_from} == set(now) for name, one in now.items())
    assert now[str(second.new_id)].formerly == name
    # Before Wednesday all three wordings were the first one's.
    assert known(store, WEDNESDAY)[str(second.new_id)].formerly == "old"
    assert wordings(known(store, WEDNESDAY)[str(second.new_id)]) == {2: 12}


def test_a_later_word_that_they_are_one_holds(store: Store) -> None:
    name = str(part(store, "old", 1).new_id)
    publish_now(
        store, a_run(WEDNESDAY), [campaign("old", a_wording(30, 0)), campaign(name, a_wording(31, 1))]
    )
    store.answer(name, "old", same=True, reason="one job", author="eve")
    old, new = known(store, THURSDAY)["old"], known(store, THURSDAY)[name]
    assert {one.variant: int(one.features[0]) for one in old.wordings} == {0: 30, 2: 12, 3: 31}
    assert (new.merged_into, old.apart_from, new.apart_from) == ("old", (), ())


def test_the_same_store_knows_the_same(store: Store) -> None:
    part(store, "old", 1)
    part(store, "old", 2)

    def told() -> list[tuple[object, ...]]:
        return [
            (one.campaign_id, one.runs, one.apart_from, one.untold, *(w.digest for w in one.wordings))
            for one in store.known_campaigns(WEDNESDAY, latest_days=2)
        ]

    assert told() == told()


# -- taken back ----------------------------------------------------------------------------------------


def test_of_a_split_that_never_took_effect_nothing_is_left(store: Store) -> None:
    before = known(store)
    split = part(store, "old", 1)
    take_back(store, split)
    after = known(store)
    assert set(after) == {"old"}
    assert wordings(after["old"]) == wordings(before["old"])
    assert (after["old"].apart_from, after["old"].untold) == ((), None)


def test_taken_back_the_wordings_return_under_their_numbers(store: Store) -> None:
    """With what the part came to say besides, under numbers that are free; it is told once."""
    split = part(store, "old", 1)
    name = str(split.new_id)
    publish_now(
        store,
        a_run(WEDNESDAY),
        [campaign("old", a_wording(30, 0)), campaign(name, a_wording(31, 1), a_wording(32, 2))],
    )
    undo = take_back(store, split)
    assert {one.campaign_id: one.state for one in store.campaigns()}[name] == CampaignState.MERGED
    old, new = known(store, THURSDAY)["old"], known(store, THURSDAY)[name]
    assert {one.variant: int(one.features[0]) for one in old.wordings} == {0: 30, 1: 31, 2: 12, 3: 32}
    assert (old.first_free, old.last_day, old.apart_from) == (4, WEDNESDAY, ())
    assert (new.wordings, new.merged_into, new.untold, new.apart_from) == ((), "old", undo, ())

    told = Lineage(event=Event.MERGED, reason="eve took it back", figures={}, other_id="old")
    publish_now(store, a_run(THURSDAY), [campaign("old", a_wording(40, 0), a_wording(41, 1))], {name: [told]})
    old, new = known(store, FRIDAY)["old"], known(store, FRIDAY)[name]
    assert (new.merged_into, new.untold, new.wordings) == ("old", None, ())
    assert {one.variant: int(one.features[0]) for one in old.wordings} == {0: 40, 1: 41, 2: 12, 3: 32}
    assert {one.campaign_id: one.state for one in store.campaigns()}[name] == CampaignState.MERGED


def test_what_was_parted_twice_stays_apart_when_the_first_is_taken_back(store: Store) -> None:
    first = part(store, "old", 1, 2)
    name = str(first.new_id)
    publish_now(store, a_run(WEDNESDAY), [campaign(name, a_wording(31, 1), a_wording(32, 2))])
    second = part(store, name, 2)
    take_back(store, first)
    now = known(store, THURSDAY)
    assert wordings(now["old"]) == {0: 20, 1: 31}
    assert wordings(now[str(second.new_id)]) == {2: 32}
    assert now["old"].apart_from == (second.new_id,)


def test_a_wording_can_be_parted_again(store: Store) -> None:
    first = part(store, "old", 1)
    take_back(store, first)
    again = part(store, "old", 1, at=NOON + timedelta(minutes=1))
    assert again.new_id != first.new_id
    assert wordings(known(store)[str(again.new_id)]) == {1: 21}
    with store.reading() as session:
        assert [one.id for one in standing_splits(session)] == [again.id]
        assert holders(select_splits(session)) == {
            ("old", 1): again.new_id,
            (str(first.new_id), 1): again.new_id,
            (str(again.new_id), 1): again.new_id,
        }


# -- matching ------------------------------------------------------------------------------------------


def met(prompts: int) -> Met:
    return Met(prompts=prompts, matches=1, accounts=1, loose_matches=2, loose_accounts=2, own=9)


def test_whom_a_wording_met_goes_with_it(store: Store) -> None:
    """On Wednesday under the old id, on Thursday under the new one; taken back it has all days."""
    publish_now(store, a_run(WEDNESDAY), [], met={("old", 0): met(100), ("old", 1): met(100)})
    split = part(store, "old", 1)
    name = str(split.new_id)
    found = [campaign(name, a_wording(41, 1))]
    publish_now(store, a_run(THURSDAY), found, met={("old", 0): met(50), (name, 1): met(50)})

    def sums() -> dict[tuple[str, int], tuple[int, int, int]]:
        with store.reading() as session:
            found = select_met(session, None, select_held(session))
        return {wording: (one.days, one.prompts, one.loose_matches) for wording, one in found.items()}

    assert sums() == {("old", 0): (2, 150, 4), (name, 1): (2, 150, 4)}
    take_back(store, split)
    assert sums() == {("old", 0): (2, 150, 4), ("old", 1): (2, 150, 4)}


def test_a_wording_is_sought_once_under_the_id_it_has_by_now(store: Store) -> None:
    def sought() -> list[tuple[str, int, date, str]]:
        with store.reading() as session:
            found = select_latest_wordings(session, None, select_held(session))
        return sorted((one.campaign_id, one.variant, one.run.day, one.written) for one in found)

    split = part(store, "old", 1)
    name = str(split.new_id)
    assert sought() == sorted(
        [("old", 0, TUESDAY, "old"), ("old", 2, MONDAY, "old"), (name, 1, TUESDAY, "old")]
    )
    publish_now(store, a_run(WEDNESDAY), [campaign(name, a_wording(31, 1))])
    assert (name, 1, WEDNESDAY, name) in sought()
    assert len(sought()) == 3
    take_back(store, split)
    assert sought() == [
        ("old", 0, TUESDAY, "old"),
        ("old", 1, WEDNESDAY, name),
        ("old", 2, MONDAY, "old"),
    ]


def test_a_part_is_suspected_as_the_whole_was_until_it_has_a_day(store: Store) -> None:
    def suspected() -> set[str]:
        with store.reading() as session:
            return select_suspected(session, None)

    name = str(part(store, "old", 1).new_id)
    assert suspected() == {"old", name}
    store.decide("old", Verdict.DISMISSED, reason="a course", author="ada")
    assert suspected() == set()
    benign = replace(campaign(name, a_wording(31, 1)), tier=Tier.BENIGN)
    publish_now(store, a_run(WEDNESDAY), [benign])
    store.decide("old", Verdict.CONFIRMED, reason="a pool", author="ada")
    assert suspected() == {"old"}


# -- what cannot be said -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variants", "message"),
    [
        ("nobody", (1,), "no campaign 'nobody'"),
        ("old", (), "has no such wordings"),
        ("old", (7,), "has no such wordings"),
        ("old", (2,), "has no such wordings"),  # parted before
        ("old", (0, 1), "nothing would be left of old"),
        ("gone", (0,), "gone is part of another campaign"),
    ],
)
def test_what_cannot_be_parted(store: Store, name: str, variants: tuple[int, ...], message: str) -> None:
    publish_now(store, a_run(WEDNESDAY), [campaign("gone", a_wording(50, 0), a_wording(51, 1))])
    store.answer("gone", "old", same=True, reason="x", author="ada")
    part(store, "old", 2)
    with pytest.raises(UsageError, match=message):
        part(store, name, *variants)


def test_a_split_is_taken_back_once(store: Store) -> None:
    split = part(store, "old", 1)
    undo = take_back(store, split)
    with pytest.raises(UsageError, match="was taken back already"):
        take_back(store, split)
    with pytest.raises(UsageError, match="no split"):
        take_back(store, undo)


# -- history -------------------------------------------------------------------------------------------


def test_history_holds_what_people_said_in_order(store: Store) -> None:
    """A split and its end, an answer, its end, and another; both sides tell of each."""
    split = part(store, "old", 1)
    name = str(split.new_id)
    publish_now(
        store, a_run(WEDNESDAY), [campaign("other", a_wording(50, 0)), campaign(name, a_wording(31, 1))]
    )
    take_back(store, split, NOON + timedelta(days=3))
    for hours, same in ((1, True), (2, False), (3, False)):
        at = NOON + timedelta(hours=hours)
        store.answer("other", "old", same=same, reason="seen it", author="kim", clock=lambda at=at: at)
    told = [(one.saying, one.campaign_id, one.other_id) for one in store.campaign("old").said]
    assert told == [
        (Saying.SPLIT, name, "old"),
        (Saying.ONE, "other", "old"),
        (Saying.ONE_TAKEN_BACK, "other", "old"),
        (Saying.TWO, "other", "old"),
        (Saying.SPLIT_TAKEN_BACK, name, "old"),
    ]
    assert [one.saying for one in store.campaign(name).said] == [Saying.SPLIT, Saying.SPLIT_TAKEN_BACK]
    assert [one.author for one in store.campaign("other").said] == ["kim"] * 3
    first = store.campaign("old").said[0]
    assert (first.day, first.reason) == (NOON.date(), "another job")
    assert first.sentence == f"ada split {name} from old"
