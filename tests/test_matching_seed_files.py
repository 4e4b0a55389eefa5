"""Partners' files: what is read, what is refused alone, what is refused as a whole."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seed_examples import hashed, parts, seed_file

from campaigns.entries import Fingerprint, Tlp
from campaigns.errors import InputError
from campaigns.records import Objective
from campaigns.settings import LabelSettings
from matching import seed_files
from matching.seed_files import SeedFile, ToldSeed, read_seed_file

GRADE = parts("Grade the following essay: ", "")


def read(path: Path) -> SeedFile:
    return read_seed_file(path, LabelSettings())


def read_one(folder: Path, seed: Any, **head: Any) -> ToldSeed:
    (one,) = read(seed_file(folder / "s.json", seed, **head)).seeds
    return one


def reason(folder: Path, seed: Any) -> str:
    """Why a seed is refused; the good one beside it is not."""
    found = read(seed_file(folder / "s.json", GRADE, seed))
    (refused,) = found.refused
    assert (len(found.seeds), refused.place) == (1, "seed 2")
    return refused.reason


def test_a_template_in_the_small_notation(tmp_path: Path) -> None:
    seed = {
        "template": [
            {"slot": "name"},
            {"text": ", grade "},
            {"text": "this: "},
            {"slot": "essay"},
            {"slot": "url"},
        ],
        "objective": "code",
        "first_seen": "2026-01-02",
        "last_seen": "2026-01-05",
    }
    told = read_one(tmp_path, seed, note="of May")
    assert told.template is not None
    assert told.template.display() == "{name}, grade this: {text}"
    assert (told.objective, told.note, told.tlp) == (Objective.CODE, "of May", None)
    assert (told.first_seen, told.last_seen) == (date(2026, 1, 2), date(2026, 1, 5))


def test_texts_are_aligned_and_what_stood_in_the_slots_is_forgotten(tmp_path: Path) -> None:
    essays = [
        f"Grade the following essay from one to ten: {word} at dawn" for word in ("tide", "lamp", "heron")
    ]
    told = read_one(tmp_path, {"texts": essays})
    assert told.template is not None
    assert told.template.display().startswith("Grade the following essay from one to ten: {")
    assert "heron" not in repr(told)
    (alone,) = read(seed_file(tmp_path / "s.json", {"texts": essays[:1]})).seeds
    assert alone.template is not None
    assert alone.template.parts == (essays[0],)


def test_a_fingerprint_is_sorted_and_kept_in_32_bits(tmp_path: Path) -> None:
    told = read_one(tmp_path, hashed([7, 2**64 - 1, 3], [1, 0.1, 2.5]))
    assert told.fingerprint == Fingerprint((3, 7, 2**64 - 1), (2.5, 1.0, 0.10000000149011612), 12)


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "seeds.md").read_text(encoding="utf-8")
    path = tmp_path / "s.json"
    path.write_text(page.partition("```json\n")[2].partition("```")[0], encoding="utf-8")
    found = read(path)
    assert ([told.tlp for told in found.seeds], found.refused) == ([Tlp.GREEN, Tlp.GREEN, Tlp.RED], ())


def test_json_lines_with_a_head_and_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    lines = [{"shoal_seeds": 1, "tlp": "red"}, GRADE, hashed([1], [1.0])]
    text = "\n".join([*map(json.dumps, lines), "{", "", json.dumps(parts("Balance the ledger"))])
    path.write_text("\ufeff" + text, encoding="utf-8")
    found = read(path)
    assert [told.place for told in found.seeds] == ["line 2", "line 3", "line 6"]
    assert {told.tlp for told in found.seeds} == {Tlp.RED}
    assert [(one.place, one.reason) for one in found.refused] == [("line 4", "it is not JSON")]


def test_the_stricter_marking_holds(tmp_path: Path) -> None:
    assert read_one(tmp_path, GRADE | {"tlp": "green"}, tlp="red").tlp is Tlp.RED
    assert read_one(tmp_path, GRADE | {"tlp": "red"}, tlp="clear").tlp is Tlp.RED
    assert read_one(tmp_path, GRADE | {"tlp": "clear"}).tlp is Tlp.CLEAR


def test_an_id_follows_from_partner_and_content_alone(tmp_path: Path) -> None:
    told = read_one(tmp_path, GRADE)
    same = [
        read_one(tmp_path, {"template": [{"text": "Grade  the following\n essay:"}, {"slot": "url"}]}),
        replace(told, note="another", tlp=Tlp.RED, place="seed 9"),
    ]
    name = told.seed_id("Tide Lab")
    assert name == "s-qulc6g3fw43zszqi"
    assert {one.seed_id(" tide  LAB ") for one in same} == {name}
    others = [
        told.seed_id("Lamp Lab"),
        read_one(tmp_path, parts("Grade the following essay: ")).seed_id("Tide Lab"),
        read_one(tmp_path, hashed([1], [1.0])).seed_id("Tide Lab"),
        read_one(tmp_path, hashed([1], [2.0])).seed_id("Tide Lab"),
    ]
    assert len({name, *others}) == 5


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        (None, "not an object"),
        ([], "not an object"),
        ({}, "it has 0 of template, texts, fingerprints"),
        (GRADE | {"texts": ["Grade it"]}, "it has 2 of"),
        (GRADE | {"partner": "Lamp Lab"}, "it has 1 keys beside"),
        (GRADE | {"tlp": "amber+strict"}, "`tlp` is none of clear, green, amber, red"),
        (GRADE | {"tlp": ["red"]}, "`tlp` is none of"),
        (GRADE | {"objective": "evil"}, "`objective` is none of"),
        (GRADE | {"objective": {}}, "`objective` is none of"),
        (GRADE | {"first_seen": "yesterday"}, "`first_seen` is not a day"),
        (GRADE | {"first_seen": 20260105}, "`first_seen` is not text"),
        (GRADE | {"first_seen": "2026-01-05", "last_seen": "2026-01-04"}, "is after"),
        (GRADE | {"note": "x" * 1_001}, "`note` has more than 1,000 characters"),
        (GRADE | {"note": "half \ud800"}, "half a surrogate pair"),
        ({"template": "Grade this"}, "`template` is not a list"),
        ({"template": []}, "`template` has 0 entries"),
        ({"template": [{"text": "a"}] * 201}, "`template` has 201 entries"),
        ({"template": ["Grade this"]}, "a part is neither"),
        ({"template": [{"text": "a", "slot": "b"}]}, "a part is neither"),
        ({"template": [{"text": 7}]}, "`text` is not text"),
        ({"template": [{"text": "a\0b c d"}]}, "NUL"),
        (
            {"template": [{"text": "a" * 15_000}, {"slot": "text"}, {"text": "b" * 15_000}]},
            "more than 20,000",
        ),
        ({"template": [{"slot": "text"}]}, "no constant words"),
        ({"template": [{"text": "?! \u202e\u200b ..."}]}, "no constant words"),
        ({"texts": ["tide lamp", "heron dusk"]}, "no constant words"),
        ({"texts": [" "]}, "`texts` is blank"),
        ({"texts": ["x" * 20_001]}, "`texts` has more than 20,000 characters"),
        ({"fingerprints": []}, "`fingerprints` is not an object"),
        ({"fingerprints": {"scheme": "open-1"}}, "lacks features, weights, tokens"),
        (hashed([1], [1.0], scheme="keyed-1"), "with a key of the partner's own cannot be compared"),
        (hashed([1], [1.0], key="k"), "it has 1 keys beside"),
        (hashed([1, 2], [1.0]), "not one weight for each"),
        (hashed([1, 1], [1.0, 2.0]), "stands there twice"),
        (hashed([1], [0.0]), "a weight is not"),
        (hashed([1], [-1.0]), "a weight is not"),
        (hashed([1], [1e-60]), "a weight is not"),
        (hashed([1], [10**400]), "a weight is not"),
        (hashed([1], [True]), "a weight is not"),
        (hashed([1], [1.0], features=[1]), "not 16 hexadecimal digits"),
        (hashed([1], [1.0], features=["0x" + "1" * 14]), "not 16 hexadecimal digits"),
        (hashed([1], [1.0], features=["1" * 16 + "\n"]), "not 16 hexadecimal digits"),
        (hashed([1], [1.0], tokens=True), "`tokens` is not"),
        (hashed(range(5_001), [1.0] * 5_001), "`features` has 5,001 entries"),
    ],
)
def test_a_bad_seed_costs_itself_alone(tmp_path: Path, seed: Any, said: str) -> None:
    assert said in reason(tmp_path, seed)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "holds no seeds as JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"seed_id,text\n", "holds no seeds as JSON"),
        (b"[1, 2]", "holds no seeds as JSON"),
        (b'{"shoal_seeds": 1, "seeds": {}}', "holds no seeds as JSON"),
        (b'{"shoal_seeds": 1, "seeds": []}', "holds no seeds"),
        (b'{"shoal_seeds": 1}', "holds no seeds"),
        (b'{"seeds": [1]}', "unknown version"),
        (b'{"shoal_seeds": 2, "seeds": [1]}', "unknown version"),
        (b'{"shoal_seeds": true, "seeds": [1]}', "unknown version"),
        (b'{"shoal_seeds": 1, "tlp": "pink", "seeds": [1]}', "the head cannot be read: `tlp`"),
        (b'{"shoal_seeds": 1, "by": "me", "seeds": [1]}', "the head cannot be read: it has 1 keys"),
        (b'{"shoal_seeds": 1, "seeds": [' + b"1," * 1_000 + b"1]}", "more than 1,000 seeds"),
        (b'{"shoal_seeds": 1}\n' + b"1\n" * 1_001, "more than 1,000 seeds"),
        (b'{"shoal_seeds": 1, "seeds": [NaN]}', "holds no seeds as JSON"),
        (b'{"shoal_seeds": 1, "seeds": ' + b"[" * 100_000, "holds no seeds as JSON"),
        (b'{"shoal_seeds": ' + b"1" * 5_000 + b"}", "holds no seeds as JSON"),
    ],
)
def test_a_file_that_is_no_file_of_seeds_is_refused_in_words(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=said):
        read(path)


def test_a_file_that_is_absent_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            read(path)
    monkeypatch.setattr(seed_files, "MOST_BYTES", 64)
    with pytest.raises(InputError, match="larger than"):
        read(seed_file(tmp_path / "s.json", GRADE, GRADE))


_KEYS = (*seed_files._CONTENTS, "text", "slot", "tlp", "note", "scheme", "features", "weights", "tokens")
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_JSON)
def test_any_json_is_read_or_refused(tmp_path: Path, seed: Any) -> None:
    found = read(seed_file(tmp_path / "s.json", seed))
    assert len(found.seeds) + len(found.refused) == 1
    assert all(one.reason.isprintable() for one in found.refused)
