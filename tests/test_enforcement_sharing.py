"""What partners are told: standards accept it, partners' Shoal reads it back whole, and no customer's text is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from console import shoal
from hostile_home import Hostile, publish_hostile
from jsonschema import Draft7Validator
from pymisp import MISPEvent
from stix2validator import ValidationOptions, validate_string

from campaigns.entries import Tlp, Verdict
from campaigns.errors import UsageError
from campaigns.settings import LabelSettings
from campaigns.store import Store
from enforcement.sharing.misp import misp_event
from enforcement.sharing.stix import stix_bundle
from enforcement.sharing.told import KEYED, OPEN, Terms, band, read_told
from matching.seed_files import read_seed_file

CANARY = "zanzibar-turquoise-heliograph"
TEXTS = Hostile([f"Grade the {CANARY} essay number {n} below from one to ten" for n in range(6)], size=2)
NAMES = [TEXTS.name(i) for i in range(3)]
TERMS = Terms(producer="Tide Lab", tlp=Tlp.GREEN)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    publish_hostile(home, TEXTS)
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store:
        for name in NAMES[:2]:
            store.decide(name, Verdict.CONFIRMED, reason="dealt out", author="ada")
    return home


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as opened:
        yield opened


def told(store: Store, home: Path, terms: Terms = TERMS) -> Any:
    with store.reading() as session:
        return read_told(session, home, NAMES, terms)


def test_the_official_validator_takes_the_bundle(store: Store, home: Path) -> None:
    found = validate_string(
        stix_bundle(told(store, home), TERMS), ValidationOptions(version="2.1", strict=False)
    )
    assert found.is_valid, [str(error) for one in found.object_results for error in one.errors]


def test_the_same_campaigns_are_the_same_objects_byte_for_byte(store: Store, home: Path) -> None:
    first, again = (stix_bundle(told(store, home), TERMS) for _ in range(2))
    assert first == again
    alone = stix_bundle(told(store, home)[:1], TERMS)
    ids = {one["id"] for one in json.loads(first)["objects"]}
    assert {one["id"] for one in json.loads(alone)["objects"]} <= ids
    others = stix_bundle(told(store, home), Terms(producer="Reef Lab", tlp=Tlp.GREEN))
    assert not {one["id"] for one in json.loads(others)["objects"] if one["type"] == "campaign"} & ids


def test_misp_takes_the_event(store: Store, home: Path) -> None:
    import pymisp

    text = misp_event(told(store, home), TERMS)
    event = MISPEvent()
    event.load(json.loads(text))
    assert [one.uuid for one in event.attributes] == [
        one["uuid"] for one in json.loads(text)["Event"]["Attribute"]
    ]
    schema = json.loads((Path(pymisp.__file__).parent / "data" / "schema.json").read_text())
    assert [error.message for error in Draft7Validator(schema).iter_errors(json.loads(text))] == []
    assert misp_event(told(store, home), TERMS) == text


@pytest.mark.parametrize("make", [stix_bundle, misp_event])
def test_fingerprints_come_back_without_loss(store: Store, home: Path, tmp_path: Path, make: Any) -> None:
    shared = told(store, home)
    path = tmp_path / "told.json"
    path.write_text(make(shared, TERMS))
    read = read_seed_file(path, LabelSettings())
    assert read.refused == ()
    back = sorted(
        (
            tuple(f"{one:016x}" for one in seed.fingerprint.features),
            seed.fingerprint.weights,
            seed.fingerprint.tokens,
        )
        for seed in read.seeds
        if seed.fingerprint is not None
    )
    sent = sorted(
        (one.features, tuple(float(np.float32(weight)) for weight in one.weights), one.tokens)
        for campaign in shared
        for one in campaign.wordings
    )
    assert back == sent
    assert {seed.tlp for seed in read.seeds} == {Tlp.GREEN}
    assert {seed.first_seen for seed in read.seeds} == {shared[0].first_day}


@pytest.mark.parametrize("make", [stix_bundle, misp_event])
def test_templates_come_back_too_if_they_are_told(
    store: Store, home: Path, tmp_path: Path, make: Any
) -> None:
    terms = Terms(producer="Tide Lab", tlp=Tlp.RED, templates=True)
    path = tmp_path / "told.json"
    path.write_text(make(told(store, home, terms), terms))
    read = read_seed_file(path, LabelSettings())
    templates = [seed for seed in read.seeds if seed.template is not None]
    assert len(templates) == 3
    assert {seed.tlp for seed in read.seeds} == {Tlp.RED}
    assert all(CANARY in str(seed.template) for seed in templates)


@pytest.mark.parametrize("make", [stix_bundle, misp_event])
def test_no_text_of_a_customer_and_no_account_is_told(store: Store, home: Path, make: Any) -> None:
    text = make(told(store, home), TERMS)
    assert CANARY not in text
    assert "account 0" not in text
    with store.reading() as session:
        titles = {one.title for one in store.campaigns()}
        assert session is not None
    assert not any(title in text for title in titles)


def test_keyed_fingerprints_say_nothing_without_the_key(store: Store, home: Path) -> None:
    keyed = Terms(producer="Tide Lab", key=b"between us")
    open_ones, hidden = told(store, home), told(store, home, keyed)
    assert open_ones[0].wordings[0].scheme == OPEN
    assert hidden[0].wordings[0].scheme.startswith(f"{KEYED}:")
    assert not set(open_ones[0].wordings[0].features) & set(hidden[0].wordings[0].features)
    assert hidden == told(store, home, keyed)
    assert sorted(hidden[0].wordings[0].weights) == sorted(open_ones[0].wordings[0].weights)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, (1, 10)), (1, (1, 10)), (9, (1, 10)), (10, (10, 100)), (4_321, (1_000, 10_000))],
)
def test_sizes_are_told_in_powers_of_ten(count: int, expected: tuple[int, int]) -> None:
    assert band(count) == expected


def test_a_campaign_that_nobody_knows_is_an_error(store: Store, home: Path) -> None:
    with store.reading() as session, pytest.raises(UsageError, match="no campaign 'c-none'"):
        read_told(session, home, ["c-none"], TERMS)


# -- the command ---------------------------------------------------------------------------------------


def test_only_confirmed_campaigns_leave_and_the_log_says_so(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle.json"
    done = shoal("--home", str(home), "export", "--producer", "Tide Lab", "--out", str(out), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["campaigns"] == NAMES[:2]
    names = [one["name"] for one in json.loads(out.read_text())["objects"] if one["type"] == "campaign"]
    assert sorted(names) == NAMES[:2]
    refused = shoal("--home", str(home), "export", NAMES[2], "--producer", "Tide Lab")
    assert refused.exit_code == 2
    assert "only confirmed campaigns leave" in refused.stderr


def test_text_is_shown_before_it_is_told_and_not_told_without_a_yes(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle.json"
    call = ("--home", str(home), "export", "--producer", "Tide Lab", "--templates", "--out", str(out))
    asked = shoal(*call)
    assert CANARY in asked.stderr
    assert asked.exit_code != 0
    assert not out.exists()
    assert shoal(*call, "--yes").exit_code == 0
    assert CANARY in out.read_text()
