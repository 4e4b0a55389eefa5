"""`shoal explain-prompt` on a simulated day with a template of our own planted in it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import fields, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from console import data, keep_apart, shoal
from pipeline import DAY, discover
from run_examples import HOSTILE, publish_example
from store_examples import TUESDAY
from typer.testing import Result

from campaigns import files
from campaigns.records import FAMILY_MEMBERS, Reason, text_key
from campaigns.runs import Run
from flows.explain.records import Explanation, Feature, Guard, Neighbour, Role
from simulation.plan import small_plan
from simulation.traffic import write_day

DANGEROUS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
TEMPLATE = (
    "As a patient archivist, transcribe the parish entry below, flag each faded numeral "
    "and list doubtful signatures in a tidy table: {}"
)
CONSTANT = set(re.findall(r"\w+", TEMPLATE))
SYLLABLES = ["".join(one) for one in product("bdgklmnprt", "aeiou")]
BORDER = "Transcribe the parish entry below, flag each faded numeral and list doubtful signatures: {}"
LITTLE = "List doubtful signatures in a tidy table: {}"


def slot(number: int) -> str:
    """Six made-up words that no other slot has."""
    words = range(6 * number, 6 * number + 6)
    return " ".join(SYLLABLES[k % 50] + SYLLABLES[(k // 50 + 7 * k) % 50] for k in words)


def planted() -> list[tuple[str, str, str]]:
    """(prompt_id, account_id, prompt)."""
    members = [(f"member-{i:02}", f"archive-{i // 2:02}", TEMPLATE.format(slot(i))) for i in range(24)]
    return [
        *members,
        ("copy-a", "archive-01", TEMPLATE.format("the same words twice")),
        ("copy-b", "archive-02", TEMPLATE.format("the same words twice")),
        ("border", "archive-90", BORDER.format(slot(90))),
        ("little", "archive-91", LITTLE.format(slot(91))),
        ("hostile", "archive-92", TEMPLATE.format(HOSTILE)),
        ("alone", "archive-93", slot(93)),
        ("void", "archive-94", ""),
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    write_day(small_plan(3), DAY, folder / "simulated")
    simulated = pl.read_parquet(folder / "simulated" / f"day={DAY}" / "traffic.parquet")
    ids, accounts, prompts = zip(*planted(), strict=True)
    ours = pl.DataFrame({"prompt_id": ids, "account_id": accounts, "prompt": prompts}).with_columns(
        created_at=pl.lit(datetime(2026, 1, 5, 12, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    )
    pl.concat([simulated, ours], how="diagonal_relaxed").write_parquet(folder / "traffic.parquet")
    return folder / "home"


@pytest.fixture(scope="module")
def day(home: Path) -> Run:
    return discover(home, home.parent / "traffic.parquet")


@pytest.fixture
def copied(home: Path, day: Run, tmp_path: Path) -> Run:
    """The same run in a home of its own, to be changed."""
    shutil.copytree(home, tmp_path / "copy")
    return replace(day, path=tmp_path / "copy" / day.path.relative_to(home))


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_apart(tmp_path, monkeypatch)


def explain(home: Path, *arguments: str, **environment: str) -> Result:
    return shoal("--home", str(home), "explain-prompt", *arguments, **environment)


def told(home: Path, prompt_id: str) -> dict[str, Any]:
    found: dict[str, Any] = data("--home", str(home), "explain-prompt", prompt_id)
    return found


def words_of(features: list[dict[str, Any]]) -> set[str]:
    return {word for one in features for word in re.findall(r"\w+", one["words"])}


def spoken(found: dict[str, Any], role: Role) -> str:
    return " ".join(part["text"] for part in found["parts"] if part["role"] == role)


@pytest.mark.usefixtures("day")
def test_a_member_carries_the_words_of_the_template_and_none_of_a_slot(home: Path) -> None:
    found = told(home, "member-03")
    family = found["family"]
    assert family["is_core"]
    assert family["carried"] > 0.9
    assert family["strength"] == pytest.approx(1.0, abs=0.1)
    assert family["n_accounts"] >= 12
    carried = [one for one in family["core"] if one["carried"]]
    assert len(carried) == 10
    assert words_of(carried) <= CONSTANT
    assert [one["weight"] for one in carried] == sorted((one["weight"] for one in carried), reverse=True)
    assert all(one["accounts"] >= 12 for one in carried)
    assert "archivist" in spoken(found, Role.CORE)
    for word in slot(3).split():
        assert word in spoken(found, Role.SLOT)
        assert word not in spoken(found, Role.CORE)
    assert found["reasons"] == []
    assert found["group"] is None


@pytest.mark.usefixtures("day")
def test_a_member_is_shown_beside_its_family_and_others_outside_of_it(home: Path) -> None:
    found = told(home, "member-03")
    own = found["family"]["campaign_id"]
    assert len(found["members"]) == 5
    assert {one["campaign_id"] for one in [*found["members"], *found["exemplars"]]} == {own}
    assert "member-03" not in {one["prompt_id"] for one in found["members"]}
    assert [one["nats"] for one in found["members"]] == sorted(
        (one["nats"] for one in found["members"]), reverse=True
    )
    assert own not in {one["campaign_id"] for one in found["neighbours"]}
    assert "archive-01" not in {one["account_id"] for one in found["neighbours"]}


@pytest.mark.usefixtures("day")
def test_the_template_says_what_stands_in_the_slot(home: Path) -> None:
    (template,) = told(home, "member-03")["templates"]
    assert template["accepts"]
    assert template["inside"]
    assert " ".join(one["value"] for one in template["slots"]) == slot(3)
    assert template["state"]
    assert template["reason"]


@pytest.mark.usefixtures("day")
def test_copies_are_counted_with_their_accounts(home: Path) -> None:
    found = told(home, "copy-a")
    assert (found["n_prompts"], found["n_accounts"]) == (2, 2)
    assert "copy-b" not in {one["prompt_id"] for one in found["members"]}


@pytest.mark.usefixtures("day")
def test_a_border_member_is_told_what_it_lacks(home: Path) -> None:
    found = told(home, "border")
    family = found["family"]
    assert not family["is_core"]
    assert 0.5 <= family["strength"] < 0.75
    lacked = [one for one in family["core"] if not one["carried"]]
    assert lacked
    assert words_of(lacked) <= CONSTANT
    assert words_of(lacked) & {"patient", "archivist", "tidy", "table"}
    (template,) = found["templates"]
    assert not template["accepts"]
    assert template["slots"] == []
    assert "border member of" in explain(home, "border").stdout


@pytest.mark.usefixtures("day")
def test_too_little_of_a_family_is_none(home: Path) -> None:
    found = told(home, "little")
    assert found["family"] is None
    family = told(home, "member-03")["family"]["campaign_id"]
    assert [one["campaign_id"] for one in found["near"]] == [family]
    (near,) = found["near"]
    assert 0.1 <= near["carried"] < 0.5
    assert near["strength"] is None
    assert words_of([one for one in near["core"] if one["carried"]]) <= set(re.findall(r"\w+", LITTLE)) | {
        "list"
    }
    reasons = {reason["guard"]: reason["sentence"] for reason in found["reasons"]}
    assert f"carries {near['carried']:.0%} of its core" in reasons[Guard.LITTLE_OF_A_FAMILY]
    assert found["neighbours"][0]["campaign_id"] == family


@pytest.mark.usefixtures("day")
def test_words_that_nobody_shares_are_no_scaffold(home: Path) -> None:
    found = told(home, "alone")
    assert [reason["guard"] for reason in found["reasons"]] == [Guard.NO_SCAFFOLD]
    assert f"shared by {found['minimum_accounts']} accounts" in found["reasons"][0]["sentence"]
    assert found["minimum_accounts"] == 3
    assert (found["features"], found["n_features"], found["near"], found["templates"]) == ([], 0, [], [])
    assert {part["role"] for part in found["parts"]} == {Role.SLOT}


def test_a_group_that_is_no_family_is_measured_again(home: Path, day: Run) -> None:
    groups = pl.DataFrame(day.table("groups")).filter(~pl.col("is_family"))
    members = pl.DataFrame(day.table("family_members", ["text_key"]))
    sent = pl.DataFrame(day.prompts(["prompt_id", "text_key"]))
    weak = groups.join(members, on="text_key", how="anti").join(sent, on="text_key").sort("prompt_id")
    found = told(home, weak["prompt_id"][0])
    group = found["group"]
    assert group["group"] == weak["group"][0]
    of_group = groups.filter(pl.col("group") == group["group"])
    assert group["n_texts"] == of_group.height
    assert group["n_prompts"] == of_group.join(sent, on="text_key").height
    assert found["reasons"][0]["guard"] == group["guard"]
    if group["guard"] == Guard.WEAK_CORE:
        assert group["strength"] < group["strength_needed"]
    else:
        assert group["evidence"] < group["evidence_needed"]


def test_every_kind_of_prompt_is_told_why(home: Path, day: Run) -> None:
    published = pl.DataFrame(day.table("members", ["prompt_id", "campaign_id"]))
    families = dict(published.iter_rows())
    sent = pl.DataFrame(day.prompts(["prompt_id"]))["prompt_id"].sort()
    for prompt_id in sent.gather_every(47):
        found = told(home, prompt_id)
        family = found["family"]
        assert (None if family is None else family["campaign_id"]) == families.get(prompt_id)
        assert bool(found["reasons"]) == (family is None)


@pytest.mark.usefixtures("day")
def test_what_was_compared_by_meaning_has_its_nearest(home: Path) -> None:
    found = told(home, "little")
    assert [reason["guard"] for reason in found["reasons"]][-1] == Guard.NO_CLUSTER
    cosines = [one["cosine"] for one in found["alike"]]
    assert len(cosines) == 3
    assert cosines == sorted(cosines, reverse=True)
    assert all(0 < cosine < 1 for cosine in cosines)
    assert "little" not in {one["prompt_id"] for one in found["alike"]}


def test_what_had_no_room_among_the_embedded_is_said_so(copied: Run) -> None:
    table = copied.table("representatives")
    kept = [key != text_key(LITTLE.format(slot(91))) for key in table["text_key"].to_pylist()]
    assert kept.count(False) == 1
    files.write_parquet(copied.path / "representatives.parquet", table.filter(kept))
    files.write_array(copied.path / "vectors.npy", np.load(copied.path / "vectors.npy")[kept])
    found = told(copied.path.parents[2], "little")
    assert [reason["guard"] for reason in found["reasons"]][-1] == Guard.NOT_EMBEDDED
    assert found["alike"] == []


def test_what_a_checked_family_lost_is_told_so(copied: Run) -> None:
    members = pl.DataFrame(copied.table("family_members"))
    left = members.filter(pl.col("text_key") != text_key(BORDER.format(slot(90))))
    assert left.height == members.height - 1
    files.write_parquet(copied.path / "family_members.parquet", left.to_arrow().cast(FAMILY_MEMBERS))
    found = told(copied.path.parents[2], "border")
    assert found["family"] is None
    assert [reason["guard"] for reason in found["reasons"]][:2] == [
        Guard.TOO_FEW_PROMPTS,
        Guard.OTHER_READING,
    ]


def test_the_settings_are_those_that_the_run_was_made_with(copied: Run) -> None:
    before = told(copied.path.parents[2], "little")
    assert "a member carries 50%" in before["reasons"][1]["sentence"]
    made_with = {"family": {"member_share": 0.9, "a_setting_of_old": 1}}
    files.write_json(copied.path / "manifest.json", {**copied.manifest(), "settings": made_with})
    after = told(copied.path.parents[2], "little")
    assert "a member carries 90%" in after["reasons"][1]["sentence"]


@pytest.mark.usefixtures("day")
def test_json_has_every_field_and_the_whole_prompt(home: Path) -> None:
    prompts = {prompt_id: prompt for prompt_id, _, prompt in planted()}
    for prompt_id in ("member-03", "little", "hostile", "alone"):
        found = told(home, prompt_id)
        assert set(found) == {field.name for field in fields(Explanation)}
        assert "".join(part["text"] for part in found["parts"]) == prompts[prompt_id]
        for feature in found["features"]:
            assert set(feature) == {field.name for field in fields(Feature)}
        for neighbour in found["neighbours"]:
            assert set(neighbour) == {field.name for field in fields(Neighbour)}
        assert found["day"] == str(DAY)
        assert found["run_id"] == f"{DAY}.1"


@pytest.mark.usefixtures("day")
def test_a_hostile_prompt_steers_no_terminal(home: Path) -> None:
    plain = explain(home, "hostile")
    assert plain.exit_code == 0, plain.stderr
    assert not DANGEROUS.search(plain.stdout)
    assert r"\x1b[31mred\x9b2J" in plain.stdout
    assert "[bold]" in plain.stdout
    assert not DANGEROUS.search(explain(home, "member-03").stdout)
    assert told(home, "hostile")["family"]["is_core"]


@pytest.mark.usefixtures("day")
def test_what_a_person_reads(home: Path) -> None:
    text = explain(home, "member-03").stdout
    assert text.startswith("a core member of c-")
    assert "matches the prompt" in text
    assert re.search(r"carries +word pair +\w+ (… )?\w+ +\d+\.\d\d +\d+\n", re.sub(r" +\n", "\n", text))
    assert slot(3) in text
    none = explain(home, "alone").stdout
    assert none.startswith("in no family: no scaffold\n")


def test_the_documentation_names_every_verdict() -> None:
    text = (Path(__file__).parent.parent / "docs" / "how-to.md").read_text(encoding="utf-8")
    section = text.partition("## Why is this prompt in its family, or in none?")[2].partition("\n## ")[0]
    named = [
        cell.strip()
        for row in re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
        for cell in row.split("·")
    ]
    assert [guard for guard in Guard if guard not in named] == []


# -- which run -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("day")
def test_an_unknown_id_is_a_usage_error_with_a_next_step(home: Path) -> None:
    result = explain(home, "p\x1b[2Jnowhere")
    assert result.exit_code == 2
    assert "no prompt" in result.stderr
    assert "members.parquet" in result.stderr
    assert not DANGEROUS.search(result.stderr)


@pytest.mark.usefixtures("day")
def test_a_prompt_that_was_set_aside_is_told_the_reason(home: Path) -> None:
    result = explain(home, "void")
    assert result.exit_code == 2
    assert Reason.EMPTY.value in result.stderr
    assert "traffic.parquet" in result.stderr


@pytest.mark.usefixtures("day")
def test_a_run_can_be_named(home: Path) -> None:
    by_run = explain(home, "member-03", "--run", f"{DAY}.1", "--json")
    assert json.loads(by_run.stdout) == told(home, "member-03")
    assert explain(home, "member-03", "--day", str(DAY), "--json").stdout == by_run.stdout
    for wrong in (f"{DAY}.7", "yesterday"):
        result = explain(home, "member-03", "--run", wrong)
        assert result.exit_code == 2
        assert "no finished run" in result.stderr
    assert f"There is {DAY}.1." in explain(home, "member-03", "--run", f"{DAY}.7").stderr
    both = explain(home, "member-03", "--run", f"{DAY}.1", "--day", str(DAY))
    assert both.exit_code == 2


def test_a_prompt_of_another_day_is_found_there(tmp_path: Path) -> None:
    home = tmp_path / "var"
    home.mkdir()
    publish_example(home)
    publish_example(home, TUESDAY)
    for run in sorted((home / "runs").glob("*/*")):
        (run / "prompts" / ("part-0001.parquet" if run.parent.name == str(TUESDAY) else "none")).unlink(
            missing_ok=True
        )
    result = explain(home, "p4")
    assert result.exit_code == 2
    assert "is not of 2026-01-06" in result.stderr
    assert "add --day 2026-01-05" in result.stderr


def test_a_run_of_another_version_is_refused_in_words(tmp_path: Path) -> None:
    home = tmp_path / "var"
    home.mkdir()
    run = publish_example(home)
    (run.path / "matchers.parquet").unlink(missing_ok=True)
    result = explain(home, "p1")
    assert result.exit_code == 2
    assert "another version of Shoal made this run" in result.stderr
    assert "--force" in result.stderr
