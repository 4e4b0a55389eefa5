"""`shoal seed`, and what other commands say of seeds; last, simulated traffic with an operator that a partner met."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from console import data, keep_apart, shoal
from match_examples import published
from matching_cases import row, write_parquet
from pipeline import DAY, discover
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from seed_examples import SLOT, a_fingerprint, a_seed, hashed, parts, seed_file

from campaigns import files
from campaigns.records import SEEDS, MatcherState, text_key
from campaigns.runs import DIGESTED, Run
from campaigns.settings import load
from campaigns.store import Store
from flows.match_service import StoreSource, application
from flows.resources import Flags
from flows.seeds import Provenance, import_seeds
from matching.stream import match_traffic
from simulation.plan import small_plan
from simulation.traffic import write_day

TIDES = ("Explain the tide to a sailor of ", SLOT)


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    keep_apart(tmp_path, monkeypatch)
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    return tmp_path


def a_store(home: Path) -> Store:
    return Store.open(load({"home": str(home)}).settings)


def bring_in(home: Path, *seeds: Any) -> None:
    with a_store(home) as store:
        store.add_seeds(seeds)


def traffic(folder: Path) -> Path:
    texts = ["Grade this essay: a lamp", "Explain the tide to a sailor of Mill Lane", "Good day to you"]
    return write_parquet(folder / "traffic.parquet", [row(n, text) for n, text in enumerate(texts)])


# -- the command ---------------------------------------------------------------------------------------


def test_a_file_comes_in_once(apart: Path) -> None:
    file = seed_file(
        apart / "seeds.json",
        parts("Grade this essay: ", ""),
        parts("Grade  this essay:", ""),
        {},
        tlp="green",
    )
    given = ("seed", "import", str(file), "--partner", "Tide Lab", "--author", "ada")
    tried = data(*given, "--dry-run")
    assert (tried["dry_run"], len(tried["imported"]), data("seed", "list")) == (True, 1, [])
    first = data(*given)
    (name,) = first["imported"]
    assert (first["known"], first["repeated"], len(first["refused"])) == ([], 1, 1)
    assert first["refused"] == [
        {"place": "seed 3", "reason": "it has 0 of template, texts, fingerprints; one is needed"}
    ]
    (seed,) = data("seed", "list")
    assert seed == first["seeds"][0]
    assert (seed["seed_id"], seed["partner"], seed["tlp"], seed["source"]) == (
        name,
        "Tide Lab",
        "green",
        "seeds.json",
    )
    assert (seed["state"], seed["reason"]) == (
        MatcherState.TOO_SHORT.value,
        "3 words of constant text; 4 are needed",
    )
    again = data(*given)
    assert (again["imported"], again["known"]) == ([], [name])
    assert data("seed", "list") == [seed]
    said = shoal(*given)
    assert "0 imported, 1 known, 1 repeated, 1 refused" in said.stderr
    assert "seed 3: it has 0 of template" in said.stderr


def test_of_all_that_is_said_the_strictest_marking_holds(apart: Path) -> None:
    def marked(*given: str, head: str, seeds: Sequence[str | None]) -> str:
        one = parts("Grade this essay for me: ", "")
        file = seed_file(apart / "s.json", *(one | {"tlp": tlp} for tlp in seeds), tlp=head)
        made = data("seed", "import", str(file), "--partner", "Tide Lab", "--dry-run", *given)
        (seed,) = made["seeds"]
        return str(seed["tlp"])

    assert marked(head="clear", seeds=["green"]) == "green"
    assert marked(head="clear", seeds=[None, "red", None]) == "red"
    assert marked("--tlp", "amber", head="clear", seeds=[None]) == "amber"
    assert marked("--tlp", "clear", head="red", seeds=["green"]) == "red"
    file = seed_file(apart / "s.json", parts("Grade this essay for me"))
    assert data("seed", "import", str(file), "--partner", "Tide Lab")["seeds"][0]["tlp"] == "amber"


def test_a_removed_seed_says_so_until_it_is_wanted_again(apart: Path) -> None:
    file = seed_file(apart / "seeds.json", parts("Grade this essay for me: ", ""))
    given = ("seed", "import", str(file), "--partner", "Tide Lab", "--author", "ada")
    (name,) = data(*given)["imported"]
    gone = data("seed", "remove", name[:6], "--reason", "our own load test", "--author", "bob")
    assert gone["removed_reason"] == "our own load test"
    assert data("seed", "list") == []
    assert [one["seed_id"] for one in data("seed", "list", "--removed")] == [name]
    (refused,) = data(*given)["refused"]
    assert refused["reason"] == f"{name} was removed by bob: our own load test; --again brings it back"
    assert data(*given, "--again")["brought_back"] == [name]
    shown = data("seed", "show", name)
    assert [(one["event"], one["author"]) for one in shown["records"]] == [
        ("imported", "ada"),
        ("removed", "bob"),
        ("brought back", "ada"),
    ]


def organic(run: Run, texts: Sequence[str]) -> None:
    """More prompts of a run, of no family."""
    table = {"text_key": pa.array(map(text_key, texts), pa.binary(16)), "prompt": list(texts)}
    files.write_parquet(run.path / "prompts" / "part-0009.parquet", pa.table(table))


def test_seeds_are_sought_once_published_days_say_that_they_meet_nobody(apart: Path) -> None:
    file = seed_file(
        apart / "s.json",
        parts("Explain the tide to a sailor of ", ""),
        parts("Please translate the following ", ""),
        hashed([1], [1.0]),
    )
    given = ("seed", "import", str(file), "--partner", "Tide Lab")
    assert {one["state"] for one in data(*given)["seeds"]} == {MatcherState.UNTESTED.value, None}
    run = publish_example(apart / "home")
    organic(run, [f"Please translate the following {n % 40 or ''} herons at {n}" for n in range(4_000)])
    assert data(*given)["imported"] == []
    listed = {one["template_json"][11:18]: one["state"] for one in data("seed", "list")}
    assert listed == {"": None, "Explain": "usable", "Please ": "matches others"}
    organic(run, [f"Explain the tide to a sailor of Mill Lane {n}" for n in range(4_000)])
    measured = data("seed", "measure")
    assert measured == data("seed", "list")
    assert [one["reason"] for one in measured if one["organic_matches"]] == [
        "4,000 of 4,000 prompts of no family match, on 1 day, a rate of up to 100%; the limit is 0.1%"
    ]
    assert shoal("seed", "measure").exit_code == 0


def test_a_file_without_a_good_seed_is_an_input_error(apart: Path) -> None:
    file = seed_file(apart / "seeds.json", {}, [])
    result = shoal("seed", "import", str(file), "--partner", "Tide Lab")
    assert result.exit_code == 3
    assert "no seed of the file can be read: it has 0 of" in result.stderr
    blank = shoal("seed", "import", str(seed_file(file, parts("Grade this for me"))), "--partner", " ")
    assert blank.exit_code == 2
    assert shoal("seed", "show", "s-").exit_code == 2
    assert data("seed", "list", "--removed") == []


def test_hostile_text_never_reaches_the_terminal(apart: Path) -> None:
    seeds = [
        parts(f"Grade this essay for {HOSTILE}: ", "") | {"note": HOSTILE},
        hashed([1, 2**64 - 1], [1.0, 2.0]),
        {HOSTILE: 1},
    ]
    file = seed_file(apart / "seeds.json", *seeds)
    results = [shoal("seed", "import", str(file), "--partner", HOSTILE, "--note", HOSTILE)]
    ids = [one["seed_id"] for one in data("seed", "list")]
    results += [shoal("seed", "show", name) for name in ids]
    results += [shoal("seed", "list"), shoal("match", "--list")]
    results += [shoal("seed", "remove", ids[0], "--reason", HOSTILE), shoal("seed", "list", "--removed")]
    for result in results:
        assert result.exit_code == 0, result.stderr
        for unseen in ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b"):
            assert unseen not in result.stdout + result.stderr


# -- what other commands say ---------------------------------------------------------------------------


def test_match_seeks_live_seeds_and_tells_them_apart(apart: Path) -> None:
    published(apart / "home")
    bring_in(
        apart / "home",
        a_seed("s-tide", parts=TIDES),
        a_seed("s-day", parts=("Good day to you",), state=MatcherState.COLLIDES),
        a_fingerprint("s-f"),
    )
    given = ("match", "--input", str(traffic(apart)))
    found = data(*given, "--out", str(apart / "out"))["campaigns"]
    assert [(one["campaign_id"], one["seed"], one["partner"], one["tlp"]) for one in found] == [
        (GRADES, False, None, None),
        ("s-tide", True, "Tide Lab", "amber"),
    ]
    shown = shoal(*given, "--out", str(apart / "out"))
    campaigns, seeds = shown.stdout.split("Seeds, what partners told of")
    assert ("s-tide" in campaigns, GRADES in seeds) == (False, False)
    assert "Tide Lab, TLP:AMBER" in seeds
    without = data(*given, "--out", str(apart / "other"), "--no-seeds")["campaigns"]
    assert [one["campaign_id"] for one in without] == [GRADES]
    alone = data(*given, "--out", str(apart / "third"), "--campaign", "s-tide")["campaigns"]
    assert [one["campaign_id"] for one in alone] == ["s-tide"]
    listed = [(one["campaign_id"], one["seed"]) for one in data("match", "--list")]
    assert listed == [(GRADES, False), (LEDGER, False), ("s-day", True), ("s-tide", True)]
    assert "Tide Lab, TLP:AMBER" in shoal("match", "--list").stdout
    assert "Seeds" not in shoal("match", "--list", "--no-seeds").stdout


def test_a_removed_seed_is_not_sought(apart: Path) -> None:
    published(apart / "home")
    bring_in(apart / "home", a_seed("s-tide", parts=TIDES))
    data("seed", "remove", "s-tide", "--reason", "taken back")
    found = data("match", "--input", str(traffic(apart)), "--out", str(apart / "out"))["campaigns"]
    assert [one["campaign_id"] for one in found] == [GRADES]


def test_the_service_learns_of_seeds_and_leaves_them_out_when_told(
    apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.testclient import TestClient

    published(apart / "home")
    source = StoreSource(load({}).settings)
    before = source.state()
    bring_in(apart / "home", a_seed("s-tide", parts=TIDES))
    assert source.state() != before
    assert [owner.campaign_id for owner in source.load().owners if owner.seed] == ["s-tide"]
    assert source.load().n_seeds == 1
    monkeypatch.setenv("SHOAL_MATCH__TOKEN", "secret")
    with TestClient(application(), headers={"Authorization": "Bearer secret"}) as client:
        assert client.get("/v1/health").json()["seeds"] == 1
        prompts = [{"id": "a", "text": "Explain the tide to a sailor of Mill Lane"}]
        (match,) = client.post("/v1/match", json={"prompts": prompts}).json()["results"][0]["matches"]
    assert (match["campaign_id"], match["seed"], match["slots"]) == ("s-tide", True, ["Mill Lane"])
    plain = StoreSource(load({"match.seeds": "false"}).settings)
    assert plain.load().n_seeds == 0
    data("seed", "remove", "s-tide", "--reason", "taken back")
    assert (source.state(), source.load().n_seeds) == (before, 0)


def test_show_and_campaigns_say_who_told_of_it(apart: Path) -> None:
    run = publish_example(apart / "home")
    bring_in(apart / "home", a_seed("s-1", note="of May"), a_seed("s-2"))
    rows = [
        {
            "campaign_id": GRADES,
            "seed_id": name,
            "matched": 2,
            "n_prompts": 3,
            "overlap": 0.91,
            "how": "fingerprint overlap 0.91",
        }
        for name in ("s-1", "s-2")
    ]
    files.write_parquet(run.path / "seeds.parquet", pa.Table.from_pylist(rows, SEEDS))
    shown = shoal("show", GRADES)
    assert "Tide Lab, TLP:AMBER, fingerprint overlap 0.91 (s-1); this decides nothing" in shown.stdout
    told = [
        {**one, "partner": "Tide Lab", "tlp": "amber", "note": note}
        for one, note in zip(rows, ("of May", ""), strict=True)
    ]
    for one in told:
        del one["campaign_id"]
    assert data("show", GRADES)["seeds"] == told
    assert {one["campaign_id"]: one["seeds"] for one in data("campaigns")} == {GRADES: told, LEDGER: []}
    data("seed", "remove", "s-1", "--reason", "taken back")
    assert data("show", GRADES)["seeds"] == told[1:]
    assert "told of by" not in shoal("show", LEDGER).stdout


# -- a simulated operator ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Traffic of two days, and a home in which the first is published without a seed, then again with some."""
    folder = tmp_path_factory.mktemp("days")
    plan = replace(small_plan(3), days=2)
    for day in (DAY, DAY + timedelta(days=1)):
        write_day(plan, day, folder)
    return folder


def sent(folder: Path, day: Any) -> pl.DataFrame:
    truth = pl.read_parquet(folder / "truth" / f"day={day}" / "prompts.parquet")
    return truth.join(pl.read_parquet(folder / f"day={day}" / "traffic.parquet"), on="prompt_id")


def texts_of(folder: Path, campaign: str) -> list[str]:
    found = sent(folder, DAY).filter(pl.col("campaign") == campaign).sort("prompt_id")["prompt"]
    return found.to_list()[:20]


def tables(run: Run, names: Sequence[str] = DIGESTED) -> dict[str, list[dict[str, Any]]]:
    return {name: run.table(name).to_pylist() for name in names}


@pytest.mark.slow
def test_seeds_change_nothing_of_a_run_and_know_the_operator_again(days: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    flags: Flags = {"home": str(home), "embedding.backend": "torch", "label.matcher_collisions": "0.02"}
    settings = load(flags).settings
    source = days / f"day={DAY}" / "traffic.parquet"
    before = discover(home, source, flags=flags)
    assert before.table("seeds").num_rows == 0
    identity = before.table("identities").to_pylist()[0]
    features, weights = before.cores(before.table("identities").num_rows)[identity["family"]]
    file = seed_file(
        tmp_path / "seeds.json",
        {"texts": texts_of(days, "ledger")},
        {"texts": texts_of(days, "korrektur")},
        hashed(features.tolist(), weights.tolist()),
    )
    with Store.open(settings) as store:
        made = import_seeds(store, settings, file, Provenance("Tide Lab", "ada"))
        seeds = store.seed_matchers()
        named = {told.place: told.seed_id("Tide Lab") for told in made.file.seeds}
    assert [seed.state for seed in seeds] == [MatcherState.USABLE] * 2

    after = discover(home, source, flags=flags, force=True)
    assert after.manifest()["digest"] == before.manifest()["digest"]
    assert tables(after) == tables(before)
    assert (after.path / "tiers.parquet").read_bytes() == (before.path / "tiers.parquet").read_bytes()
    everything = json.dumps(tables(after), default=str)
    assert not any(name in everything for name in named.values())

    rows = {row["seed_id"]: row for row in after.table("seeds").to_pylist()}
    assert set(rows) == set(named.values())
    assert rows[named["seed 3"]]["campaign_id"] == identity["campaign_id"]
    assert rows[named["seed 3"]]["overlap"] == pytest.approx(1.0)
    assert rows[named["seed 1"]]["matched"] >= 0.95 * rows[named["seed 1"]]["n_prompts"]

    later = DAY + timedelta(days=1)
    out = match_traffic(
        str(days / f"day={later}" / "traffic.parquet"), [], tmp_path / "out", settings, seeds=seeds
    )
    found = pl.concat([pl.read_parquet(part) for part in (out.path / "matches").iterdir()])
    truth = sent(days, later)
    for place, campaign in (("seed 1", "ledger"), ("seed 2", "korrektur")):
        prompts = set(found.filter(pl.col("campaign_id") == named[place])["prompt_id"])
        own = set(truth.filter(pl.col("campaign") == campaign)["prompt_id"])
        assert own <= prompts
        strangers = truth.filter(pl.col("prompt_id").is_in(list(prompts - own)))
        assert set(strangers["kind"]) <= {"benign:passer-by"}
