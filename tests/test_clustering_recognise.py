"""The identify stage on a run folder made by hand: what it reads, and what the days to come find."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from campaigns import files
from campaigns.entries import Event, KnownCampaign, KnownWording, Split
from campaigns.records import FAMILY_CORES, FAMILY_MEMBERS, PROMPTS, WORDINGS
from campaigns.results import wordings_of
from campaigns.runs import Run
from campaigns.settings import Settings
from clustering.recognise import identify_families

DAY = date(2026, 1, 20)
YESTERDAY = DAY - timedelta(days=1)
SETTINGS = Settings()

Sent = Mapping[int, Mapping[str, int]]
"""Family to accounts to prompts."""


def a_run(
    folder: Path,
    sent: Sent,
    leads: Sequence[int],
    cores: Sequence[range],
    directions: np.ndarray,
    by_direction: Sequence[int] = (),
) -> Run:
    """Every account's prompts of a family are one text; `nobody` sends most of the day, a text of no family."""
    run = Run(folder, DAY, 1, "f")
    texts, prompts = [], []
    for family, of in [*sent.items(), (-1, {"nobody": 2_000})]:
        for account, count in of.items():
            key = hashlib.blake2b(f"{family} {account}".encode(), digest_size=16).digest()
            texts.append((key, family))
            prompts += [(account, key)] * count
    table: dict[str, list[object]] = {name: [None] * len(prompts) for name in PROMPTS.names}
    table["prompt_id"] = [f"p{n}" for n in range(len(prompts))]
    table["prompt"] = [""] * len(prompts)
    table["created_at"] = [0] * len(prompts)
    table["account_id"], table["text_key"] = ([row[n] for row in prompts] for n in (0, 1))
    files.write_parquet(folder / "prompts" / "part-0000.parquet", pa.table(table, schema=PROMPTS))
    inside = sorted((key, family) for key, family in texts if family >= 0)
    members = [
        {"text_key": key, "family": family, "strength": 1.0, "is_core": True} for key, family in inside
    ]
    files.write_parquet(folder / "family_members.parquet", pa.Table.from_pylist(members, FAMILY_MEMBERS))
    features = [
        {"family": family, "feature": n, "weight": 1.0} for family, core in enumerate(cores) for n in core
    ]
    files.write_parquet(folder / "family_cores.parquet", pa.Table.from_pylist(features, FAMILY_CORES))
    wordings = [
        {"family": family, "lead": lead, "by_direction": family in by_direction}
        for family, lead in enumerate(leads)
    ]
    files.write_parquet(folder / "wordings.parquet", pa.Table.from_pylist(wordings, WORDINGS))
    shown = np.zeros((len(cores), directions.shape[1]), np.float16)
    shown[: len(directions)] = directions
    files.write_array(folder / "directions.npy", shown)
    return run


def remembered(
    name: str,
    cores: Mapping[int, range],
    *,
    last_day: date = YESTERDAY,
    direction: Sequence[float] = (),
    **given: object,
) -> KnownCampaign:
    wordings = tuple(
        KnownWording(
            campaign_id=name,
            day=last_day,
            variant=variant,
            features=np.array(core, np.uint64),
            weights=np.ones(len(core), np.float32),
            direction=np.array(direction, np.float16),
            encoder="tiny" if direction else "",
        )
        for variant, core in cores.items()
    )
    rest = {"runs": (), "merged_into": None, "first_free": max(cores) + 1} | given
    return KnownCampaign(campaign_id=name, last_day=last_day, wordings=wordings, **rest)  # type: ignore[arg-type]


def worked(**accounts: Sequence[str]) -> pl.DataFrame:
    rows = [(name.replace("_", "-"), account) for name, of in accounts.items() for account in of]
    return pl.DataFrame(rows, {"campaign_id": pl.String, "account_id": pl.String}, orient="row")


def pool(first: int, last: int, each: int = 2) -> dict[str, int]:
    return {f"a{n:02}": each for n in range(first, last)}


NO_DIRECTIONS = np.empty((0, 0))


def identities(run: Run) -> pl.DataFrame:
    return pl.DataFrame(run.table("identities"))


def test_each_wording_keeps_its_number_and_new_ones_are_numbered_on(tmp_path: Path) -> None:
    sent = {0: pool(0, 20), 1: pool(0, 20, 3), 2: pool(0, 20)}
    run = a_run(tmp_path, sent, [1, 1, 1], [range(10), range(100, 110), range(200, 210)], NO_DIRECTIONS)
    known = [remembered("c-a", {0: range(100, 110), 4: range(200, 210)})]
    counts = identify_families(run, known, worked(), SETTINGS)
    assert counts["kept"] == 1
    table = identities(run)
    assert table["campaign_id"].to_list() == ["c-a"] * 3
    assert table["lead"].to_list() == [1, 1, 1]
    assert table["variant"].to_list() == [5, 0, 4]
    assert [(one.variant, int(one.features[0])) for one in wordings_of(run)["c-a"]] == [
        (0, 100),
        (4, 200),
        (5, 0),
    ]


def test_parts_of_one_campaign_have_one_lead(tmp_path: Path) -> None:
    """A wording found apart, whose accounts also send the rest."""
    sent = {0: pool(0, 9), 1: pool(4, 20)}
    run = a_run(tmp_path, sent, [0, 1], [range(10), range(100, 110)], NO_DIRECTIONS)
    identify_families(run, [remembered("c-a", {0: range(10), 1: range(100, 110)})], worked(), SETTINGS)
    table = identities(run)
    assert table["campaign_id"].to_list() == ["c-a", "c-a"]
    assert table["lead"].to_list() == [1, 1]  # the part with most prompts
    assert table["variant"].to_list() == [0, 1]


def test_accounts_of_the_days_before_keep_the_id_of_other_words(tmp_path: Path) -> None:
    """What the templates say is that both ask for the same; those of another model say nothing."""
    east = np.array([[1.0, 0.0], [1.0, 0.0]])
    run = a_run(tmp_path, {0: pool(0, 20), 1: pool(40, 60)}, [0, 1], [range(10), range(100, 110)], east)
    known = [remembered("c-a", {0: range(500, 510)}, direction=[1.0, 0.0])]
    names = worked(c_a=[f"a{n:02}" for n in range(15)])
    identify_families(run, known, names, SETTINGS, "tiny")
    row = identities(run).row(0, named=True)
    assert (row["campaign_id"], row["event"], row["shared"], row["cosine"]) == ("c-a", Event.KEPT, 15, 1.0)
    assert identities(run)["event"][1] == Event.MINTED
    identify_families(run, known, names, SETTINGS, "another model")
    assert identities(run)["event"][0] == Event.POSSIBLY_CONTINUES
    assert identities(run)["other_id"][0] == "c-a"


def test_a_wording_is_forgotten_in_time(tmp_path: Path) -> None:
    long_ago = YESTERDAY - timedelta(days=SETTINGS.identity.memory_days + 1)
    run = a_run(tmp_path, {0: pool(0, 20)}, [0], [range(100, 110)], NO_DIRECTIONS)
    fresh = remembered("c-a", {0: range(10)})
    stale = remembered("c-a", {1: range(100, 110)}, last_day=long_ago)
    both = remembered("c-a", {0: range(10)})
    object.__setattr__(both, "wordings", (*fresh.wordings, *stale.wordings))
    identify_families(run, [both], worked(), SETTINGS)
    assert identities(run)["event"].to_list() == [Event.MINTED]


@pytest.mark.parametrize(
    ("ago", "newest", "event"),
    [(8, 1, Event.DORMANT), (12, 5, Event.DORMANT), (12, 4, None), (7, 1, None), (181, 1, Event.RETIRED)],
)
def test_sleep_is_told_once(tmp_path: Path, ago: int, newest: int, event: Event | None) -> None:
    """On the first day that was run since it began: the last one before was `newest` days ago."""
    run = a_run(tmp_path, {0: pool(0, 20)}, [0], [range(10)], NO_DIRECTIONS)
    known = [
        remembered("c-gone", {0: range(500, 510)}, last_day=DAY - timedelta(days=ago)),
        remembered("c-here", {0: range(10)}, last_day=DAY - timedelta(days=newest)),
    ]
    identify_families(run, known, worked(), SETTINGS)
    told = run.table("unseen").select(["campaign_id", "event", "days"]).to_pylist()
    assert told == ([] if event is None else [{"campaign_id": "c-gone", "event": event, "days": ago}])


def test_who_was_taken_in_is_told_with_by_whom(tmp_path: Path) -> None:
    run = a_run(
        tmp_path, {0: pool(0, 20), 1: pool(0, 20)}, [0, 0], [range(10), range(100, 110)], NO_DIRECTIONS
    )
    known = [remembered("c-a", {0: range(10)}), remembered("c-b", {0: range(100, 110)})]
    counts = identify_families(run, known, worked(c_a=["a01"]), SETTINGS)
    (row,) = run.table("unseen").to_pylist()
    kept = identities(run)["campaign_id"][0]
    assert {row["campaign_id"], kept} == {"c-a", "c-b"}
    assert (row["event"], row["other_id"], row["overlap"]) == (Event.MERGED, kept, 1.0)
    assert (counts["merged"], counts["kept"]) == (1, 1)


def test_a_day_without_families(tmp_path: Path) -> None:
    run = a_run(tmp_path, {}, [], [], NO_DIRECTIONS)
    counts = identify_families(run, [remembered("c-a", {0: range(10)})], worked(c_a=["a01"]), SETTINGS)
    assert set(counts.values()) == {0}
    assert identities(run).height == 0


@pytest.mark.parametrize("decided", [False, True])
def test_a_decided_campaign_is_made_one_with_another_by_people_alone(tmp_path: Path, decided: bool) -> None:
    """Accounts join two known campaigns and a new wording; a decision on the smaller keeps it by itself."""
    sent = {0: pool(0, 20), 1: pool(0, 20, 3), 2: pool(0, 20)}
    cores = [range(10), range(100, 110), range(200, 210)]
    run = a_run(tmp_path, sent, [1, 1, 1], cores, NO_DIRECTIONS)
    known = [remembered("c-a", {0: cores[0]}, decided=decided), remembered("c-b", {0: cores[1]})]
    identify_families(run, known, worked(), SETTINGS)
    table = identities(run)
    both = ["c-a", "c-b", "c-b"] if decided else ["c-b"] * 3
    assert table["campaign_id"].to_list() == both
    assert table["lead"].to_list() == ([0, 1, 1] if decided else [1, 1, 1])
    assert ["only a person may" in reason for reason in table["reason"]] == [decided] * 3
    if decided:
        assert "join it to c-b" in table["reason"][0]
        assert table["other_id"].to_list() == ["c-b", "c-a", "c-a"]
    merged = run.table("unseen").to_pylist()
    assert [row["campaign_id"] for row in merged] == ([] if decided else ["c-a"])


def test_a_new_wording_stays_with_the_largest_of_two_decided_campaigns(tmp_path: Path) -> None:
    sent = {0: pool(0, 20), 1: pool(0, 20, 3), 2: pool(0, 20)}
    cores = [range(10), range(100, 110), range(200, 210)]
    run = a_run(tmp_path, sent, [1, 1, 1], cores, NO_DIRECTIONS)
    known = [
        remembered(name, {0: core}, decided=True) for name, core in zip(("c-a", "c-b"), cores, strict=False)
    ]
    identify_families(run, known, worked(), SETTINGS)
    assert identities(run)["campaign_id"].to_list() == ["c-a", "c-b", "c-b"]


def test_known_campaigns_are_not_made_one_by_what_they_ask_for_alone(tmp_path: Path) -> None:
    """It may join a new wording to either; of the two a person is asked."""
    sent = {0: pool(0, 20), 1: pool(0, 20, 3), 2: pool(0, 20)}
    cores = [range(10), range(100, 110), range(200, 210)]
    run = a_run(tmp_path, sent, [1, 1, 1], cores, NO_DIRECTIONS, by_direction=[0, 2])
    identify_families(run, [remembered("c-b", {0: cores[1]})], worked(), SETTINGS)
    assert identities(run)["campaign_id"].to_list() == ["c-b"] * 3
    identify_families(
        run, [remembered("c-a", {0: cores[0]}), remembered("c-b", {0: cores[1]})], worked(), SETTINGS
    )
    table = identities(run)
    assert table["campaign_id"].to_list() == ["c-a", "c-b", "c-b"]
    assert table["other_id"].to_list() == ["c-b", "c-a", "c-a"]
    assert table["event"].to_list() == [Event.KEPT] * 3


def test_a_campaign_that_nobody_knows_does_not_disturb_those_that_are_told_apart(tmp_path: Path) -> None:
    """Every wording of the joined ones is known; the first family of the day is alone and new."""
    sent = {0: pool(40, 60), 1: pool(0, 20), 2: pool(0, 20, 3)}
    cores = [range(10), range(100, 110), range(200, 210)]
    run = a_run(tmp_path, sent, [0, 2, 2], cores, NO_DIRECTIONS)
    known = [
        remembered(name, {0: core}, decided=True)
        for name, core in zip(("c-a", "c-b"), cores[1:], strict=True)
    ]
    identify_families(run, known, worked(), SETTINGS)
    assert identities(run)["campaign_id"].to_list()[1:] == ["c-a", "c-b"]
    assert identities(run)["event"][0] == Event.MINTED


# -- splits by people ----------------------------------------------------------------------------------

SPLIT = Split(
    id=1,
    campaign_id="c-old",
    variants=(1,),
    new_id="c-new",
    reason="another job",
    author="ada",
    created_at=datetime(2026, 1, 20, tzinfo=UTC),
)
UNDO = Split(
    id=2,
    campaign_id="c-old",
    variants=(1,),
    new_id=None,
    reason="one job",
    author="eve",
    created_at=datetime(2026, 1, 20, tzinfo=UTC),
    undoes=1,
)


def parts(old: range, new: range, *, untold: bool = True) -> list[KnownCampaign]:
    """`c-old`, and `c-new` that was split from it: no run has found this yet, or one has."""
    first_run = {"formerly": "c-old", "untold": SPLIT} if untold else {}
    return [
        remembered("c-old", {0: old}, apart_from=("c-new",)),
        remembered("c-new", {1: new}, apart_from=("c-old",), **first_run),
    ]


@pytest.mark.parametrize("untold", [True, False])
def test_what_a_person_split_stays_apart_though_accounts_join_it(tmp_path: Path, untold: bool) -> None:
    """Nobody has decided of either. The parted wording is the largest; a new one stays with it."""
    cores = [range(10), range(100, 110), range(200, 210)]
    run = a_run(
        tmp_path, {0: pool(0, 20), 1: pool(0, 20, 3), 2: pool(0, 20)}, [1, 1, 1], cores, NO_DIRECTIONS
    )
    known = parts(cores[0], cores[1], untold=untold)
    everybody = [f"a{n:02}" for n in range(20)]
    counts = identify_families(run, known, worked(c_old=everybody, c_new=everybody), SETTINGS)
    table = identities(run)
    assert table["campaign_id"].to_list() == ["c-old", "c-new", "c-new"]
    assert table["variant"].to_list() == [0, 1, 2]
    first = Event.SPLIT if untold else Event.KEPT
    assert table["event"].to_list() == [Event.KEPT, first, first]
    assert table["other_id"].to_list() == [None, *["c-old" if untold else None] * 2]
    assert not any("only a person may" in reason for reason in table["reason"])
    said = "ada split it from c-old: another job; its wording overlaps by 100%"
    assert table["reason"][1].startswith(said) == untold
    assert (counts["split"], counts["kept"]) == ((1, 1) if untold else (0, 2))
    assert run.table("unseen").num_rows == 0


def test_a_drifted_wording_of_a_part_stays_its_own(tmp_path: Path) -> None:
    """A third of it is as it was: enough for its id, and too little for the same wording."""
    cores = [range(10), range(105, 115)]
    run = a_run(tmp_path, {0: pool(0, 20), 1: pool(0, 20)}, [0, 0], cores, NO_DIRECTIONS)
    identify_families(run, parts(cores[0], range(100, 110)), worked(), SETTINGS)
    assert identities(run)["campaign_id"].to_list() == ["c-old", "c-new"]


def test_a_family_goes_to_the_part_whose_wording_it_is_nearest_to(tmp_path: Path) -> None:
    """The two overlap by 0.67, which makes them one wording to a run."""
    run = a_run(tmp_path, {0: pool(0, 20)}, [0], [range(10)], NO_DIRECTIONS)
    identify_families(run, parts(range(2, 12), range(10), untold=False), worked(), SETTINGS)
    assert identities(run)["campaign_id"].to_list() == ["c-new"]
    assert run.table("unseen").num_rows == 0  # c-old sleeps, and is not taken in


def test_of_a_part_without_a_day_nothing_is_told_unless_it_is_found(tmp_path: Path) -> None:
    """It is neither asleep nor asked about, nor taken in by a stranger who sends its wording beside his own."""
    stranger = remembered("c-far", {0: range(500, 510)})
    run = a_run(
        tmp_path, {0: pool(0, 20), 1: pool(0, 20)}, [0, 0], [range(500, 510), range(100, 110)], NO_DIRECTIONS
    )
    old, new = parts(range(10), range(100, 110))
    asleep = remembered(
        "c-new", {1: range(100, 110)}, last_day=DAY - timedelta(days=8), apart_from=("c-old",),
        formerly="c-old", untold=SPLIT,
    )  # fmt: skip
    for one in (new, asleep):
        identify_families(run, [old, one, stranger], worked(), SETTINGS)
        assert "c-new" not in run.table("unseen")["campaign_id"].to_pylist()


def test_a_split_that_was_taken_back_is_told_once(tmp_path: Path) -> None:
    cores = [range(10), range(100, 110)]
    run = a_run(tmp_path, {0: pool(0, 20), 1: pool(0, 20)}, [0, 0], cores, NO_DIRECTIONS)
    old = remembered("c-old", dict(enumerate(cores)))
    gone = remembered("c-new", {1: cores[1]}, merged_into="c-old", untold=UNDO)
    new = replace(gone, wordings=())
    counts = identify_families(run, [old, new], worked(), SETTINGS)
    assert identities(run)["campaign_id"].to_list() == ["c-old", "c-old"]
    (row,) = run.table("unseen").to_pylist()
    assert (row["campaign_id"], row["event"], row["other_id"]) == ("c-new", Event.MERGED, "c-old")
    assert row["reason"] == "eve took back that it was split from c-old: one job"
    assert (counts["kept"], counts["merged"]) == (1, 1)
    identify_families(run, [old, replace(new, untold=None)], worked(), SETTINGS)
    assert run.table("unseen").num_rows == 0
