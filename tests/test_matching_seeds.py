"""Seeds beside a run: whether they may be sought, and which campaigns they tell of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matching_cases import KNOWN, entry
from seed_examples import SLOT, a_fingerprint, a_seed

from campaigns import files
from campaigns.entries import KnownMatcher, Seed
from campaigns.records import FAMILY_CORES, FAMILY_MEMBERS, SEEDS, MatcherState, Template, text_key
from campaigns.runs import Run, open_run
from campaigns.settings import LabelSettings, Settings, load
from campaigns.tokens import tokenize
from embeddings.edges import edge_features
from embeddings.scaffold import text_features
from labeling.template import template_to_json
from matching.known import KnownCampaigns
from matching.match import MOST_CAMPAIGNS, match
from matching.seed_collisions import measured
from matching.seeds import features_of, tell

WORDS = [f"{a}{b}" for a in ("bal", "cor", "dun", "fen", "gar") for b in ("tan", "rix", "ove", "ush", "em")]
DRAWN = np.random.default_rng(7)
NOTES = [" ".join(DRAWN.choice(WORDS, 10)) for _ in range(8_000)]
GRADES = [f"Grade the following essay from one to ten: {note}" for note in NOTES[:40]]
LEDGER = [f"Name every entry of the ledger that looks wrong. {note}" for note in NOTES[40:60]]
ASKED = [f"Please translate the following {note}" for note in NOTES[60:90]]
GRADE = ("Grade the following essay from one to ten: ", SLOT)


def a_run(home: Path, day: date = date(2026, 1, 5), organic: int = 3_500, extra: tuple[str, ...] = ()) -> Run:
    """Two families of one campaign each, and prompts of no family, some of which ask for a translation."""
    texts = [*GRADES, *LEDGER, *ASKED, *extra, *NOTES[1_000 : 1_000 + organic]]
    run = open_run(home, day, "test")
    for part, chosen in enumerate(np.array_split(np.random.default_rng(0).permutation(len(texts)), 2)):
        _write(
            run,
            f"prompts/part-{part:04}",
            {
                "text_key": pa.array([text_key(texts[i]) for i in chosen], pa.binary(16)),
                "account_id": [f"a{i % 97}" for i in chosen],
                "prompt": [texts[i] for i in chosen],
            },
        )
    members = [(text_key(text), k) for k, family in enumerate((GRADES, LEDGER)) for text in family]
    _write(
        run,
        "family_members",
        {
            "text_key": [key for key, _ in members],
            "family": [family for _, family in members],
            "strength": [1.0] * len(members),
            "is_core": [True] * len(members),
        },
        FAMILY_MEMBERS,
    )
    _write(
        run, "identities", {"family": pa.array([0, 1], pa.int32()), "campaign_id": ["c-grade", "c-ledger"]}
    )
    cores = [(0, feature) for feature in core_of(GRADES)] + [(1, feature) for feature in core_of(LEDGER)]
    _write(
        run,
        "family_cores",
        {
            "family": [family for family, _ in cores],
            "feature": pa.array([feature for _, feature in cores], pa.uint64()),
            "weight": [2.0] * len(cores),
        },
        FAMILY_CORES,
    )
    return run


def core_of(texts: list[str]) -> list[int]:
    """Pairs and edges that all texts carry, ascending."""
    knobs = load({}, environment={}, config=None).settings.scaffold
    tokens = tokenize(texts)
    found = []
    for one in (
        text_features(tokens, knobs.pair_distance),
        edge_features(tokens, knobs.edge_width, knobs.edge_depth),
    ):
        values, counts = np.unique(one.values, return_counts=True)
        found += values[counts == len(texts)].tolist()
    return sorted(found)


def _write(run: Run, name: str, columns: dict[str, Any], schema: pa.Schema | None = None) -> None:
    files.write_parquet(run.path / f"{name}.parquet", pa.table(columns, schema=schema))


def judged(runs: list[Run], *seeds: KnownMatcher, **knobs: Any) -> list[KnownMatcher]:
    return measured(seeds, runs, LabelSettings(**knobs))


def unmeasured(seed_id: str, *parts: Any) -> KnownMatcher:
    return entry(seed_id, parts, state=MatcherState.UNTESTED, anywhere=False)


@pytest.fixture
def settings() -> Settings:
    return load({}, environment={}, config=None).settings


def told(run: Run, seeds: list[Seed], settings: Settings) -> list[dict[str, Any]]:
    tell(run, seeds, settings)
    table = run.table("seeds")
    assert table.schema == SEEDS
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


# -- whether they may be sought ------------------------------------------------------------------------


def test_a_seed_of_ordinary_words_is_refused_with_the_reason(tmp_path: Path) -> None:
    (found,) = judged([a_run(tmp_path)], unmeasured("s-1", "Please translate the following ", SLOT))
    assert found.state is MatcherState.COLLIDES
    assert (found.organic_matches, found.organic_prompts, found.anywhere) == (30, 3_530, False)
    assert found.reason == (
        "30 of 3,530 prompts of no family match, on 1 day, a rate of up to 1.2%; the limit is 0.1%"
    )


def test_what_members_of_families_match_is_no_collision(tmp_path: Path) -> None:
    (found,) = judged([a_run(tmp_path)], unmeasured("s-1", *GRADE))
    assert (found.state, found.organic_matches, found.anywhere) == (MatcherState.USABLE, 0, True)
    assert found.day == date(2026, 1, 5)
    assert found.collision_bound == pytest.approx(3 / 3_530, rel=0.01)


def test_a_campaign_too_small_for_a_family_does_not_refuse_its_own_seed(tmp_path: Path) -> None:
    few = tuple(f"Weigh the anchor of ship {n} before the tide turns" for n in range(2))
    run = a_run(tmp_path, organic=6_900, extra=few)
    (found,) = judged([run], unmeasured("s-1", "Weigh the anchor of ship ", SLOT, " before the tide turns"))
    assert (found.state, found.organic_matches) == (MatcherState.USABLE, 2)


def test_days_add_up(tmp_path: Path) -> None:
    runs = [a_run(tmp_path, date(2026, 1, day), organic=1_600) for day in (6, 5)]
    seed = unmeasured("s-1", *GRADE)
    (alone,) = judged(runs[:1], seed)
    assert alone.state is MatcherState.UNTESTED
    assert "too few to bound the rate" in alone.reason
    (both,) = judged(runs, seed)
    assert (both.state, both.organic_prompts) == (MatcherState.USABLE, 3_260)
    assert both.day == date(2026, 1, 6)


def test_without_a_published_day_nothing_is_sought() -> None:
    short, long = judged([], unmeasured("s-1", "Grade it"), unmeasured("s-2", *GRADE))
    assert (short.state, short.reason) == (
        MatcherState.TOO_SHORT,
        "2 words of constant text; 4 are needed",
    )
    assert (long.state, long.reason) == (
        MatcherState.UNTESTED,
        "no published day tells whom it would match",
    )


def test_small_words_between_slots_make_no_seed(tmp_path: Path) -> None:
    made_up = ("the ", SLOT, " of the ", SLOT, " and ", SLOT, " to")
    row = ("the ", SLOT, " of the lighthouse ", SLOT)
    found = judged([a_run(tmp_path)], unmeasured("s-1", *made_up), unmeasured("s-2", *row))
    assert [(one.state, one.reason) for one in found[:1]] == [
        (MatcherState.TOO_SHORT, "never 3 words in a row")
    ]
    assert found[1].state is MatcherState.USABLE


def test_texts_with_little_in_common_make_no_seed(tmp_path: Path) -> None:
    template = Template(GRADE, 0.3, 9.0, 0.25)
    seed = replace(unmeasured("s-1", *GRADE), template_json=template_to_json(template))
    (found,) = judged([a_run(tmp_path)], seed)
    assert found.state is MatcherState.MEMBERS_LOST
    assert found.reason == "accepts 25% of the texts it was made from; 50% are needed"


# -- which campaigns they tell of ----------------------------------------------------------------------


def test_a_template_and_a_fingerprint_recognise_their_campaigns(tmp_path: Path, settings: Settings) -> None:
    run = a_run(tmp_path)
    ledger = core_of(LEDGER)
    seeds = [a_seed("s-g", parts=GRADE), a_fingerprint("s-l", ledger), a_fingerprint("s-n", [5, 6, 7])]
    grade, other = told(run, seeds, settings)
    assert grade == {
        "campaign_id": "c-grade",
        "seed_id": "s-g",
        "matched": 40,
        "n_prompts": 40,
        "overlap": 1.0,
        "how": "template matches 40 of 40 prompts, carries 100% of what marks the nearest wording",
    }
    assert (other["campaign_id"], other["seed_id"], other["n_prompts"]) == ("c-ledger", "s-l", 20)
    assert (other["overlap"], other["how"]) == (pytest.approx(0.75), "fingerprint overlap 0.75")


def test_half_a_fingerprint_overlaps_by_half(tmp_path: Path, settings: Settings) -> None:
    """Weights of 1.5 against weights of 2: of n features all are 0.75, every other one half as much."""
    run, features = a_run(tmp_path), core_of(GRADES)
    part = features[: len(features) // 2]
    (row,) = told(run, [a_fingerprint("s-1", part)], settings)
    assert row["overlap"] == pytest.approx(1.5 * len(part) / (2.0 * len(features)))


def test_an_untested_template_is_compared_and_not_sought(tmp_path: Path, settings: Settings) -> None:
    seeds = [a_seed("s-1", parts=GRADE, state=MatcherState.UNTESTED)]
    (row,) = told(a_run(tmp_path), seeds, settings)
    assert (row["matched"], row["overlap"]) == (0, 1.0)
    assert row["how"] == "template carries 100% of what marks the nearest wording"


def test_what_would_match_strangers_tells_of_nothing(tmp_path: Path, settings: Settings) -> None:
    seeds = [
        a_seed(f"s-{n}", parts=GRADE, state=state)
        for n, state in enumerate((MatcherState.COLLIDES, MatcherState.TOO_SHORT, MatcherState.MEMBERS_LOST))
    ]
    assert told(a_run(tmp_path), seeds, settings) == []
    assert told(a_run(tmp_path), [], settings) == []


def test_a_day_without_a_family_has_nothing_to_tell_of(tmp_path: Path, settings: Settings) -> None:
    run = a_run(tmp_path)
    for name in ("identities", "family_members", "family_cores"):
        files.write_parquet(run.path / f"{name}.parquet", run.table(name).slice(0, 0))
    assert told(run, [a_seed("s-1", parts=GRADE), a_fingerprint("s-2", core_of(LEDGER))], settings) == []


def test_a_text_is_counted_as_often_as_it_was_sent_and_whichever_wording_it_belongs_to(
    tmp_path: Path, settings: Settings
) -> None:
    """Of a campaign of two wordings the seed knows one: it is told of, with the prompts of both."""
    run = a_run(tmp_path, extra=(GRADES[0], GRADES[0]))
    _write(run, "identities", {"family": pa.array([0, 1], pa.int32()), "campaign_id": ["c-both", "c-both"]})
    (row,) = told(run, [a_seed("s-1", parts=GRADE)], settings)
    assert (row["campaign_id"], row["matched"], row["n_prompts"]) == ("c-both", 42, 62)


def test_features_of_a_template_are_those_that_its_prompts_share(settings: Settings) -> None:
    template = Template(GRADE, 0.0, 0.0, 1.0)
    assert set(core_of(GRADES)) <= set(features_of(template, settings.scaffold).tolist())
    assert len(features_of(Template((SLOT,), 0.0, 0.0, 1.0), settings.scaffold)) == 0


def test_a_row_says_nothing_of_accounts() -> None:
    assert not {"account_id", "prompt_id", "prompt"} & set(SEEDS.names)


# -- beside known campaigns ----------------------------------------------------------------------------


def test_many_seeds_push_no_campaign_out() -> None:
    crowd = [
        entry(f"s-{n:02}", ("Grade the following essay from one to ten and give your reasons: an", SLOT))
        for n in range(2 * MOST_CAMPAIGNS)
    ]
    known = KnownCampaigns.of(KNOWN, crowd)
    assert (known.n_campaigns, known.n_seeds) == (3, 2 * MOST_CAMPAIGNS)
    text = "Grade the following essay from one to ten and give your reasons: an essay on lamps"
    found = match([text], known)
    assert len(found) == MOST_CAMPAIGNS
    owners = [known.owners[number] for number in found.owners]
    assert owners[0].campaign_id == "c-grade"
    assert [owner.seed for owner in owners] == [False] + [True] * (MOST_CAMPAIGNS - 1)
