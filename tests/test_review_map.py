from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_examples import GRADES, HOSTILE, LEDGER, publish_example

from campaigns.display import safe_text
from campaigns.runs import Run
from review import spread
from review.image import write_png
from review.map import DARK, LIGHT, SHAPES, embedded_json, page, read_picture, style_of, write_page


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return publish_example(tmp_path_factory.mktemp("home"))


class Blocks(HTMLParser):
    """The page as a browser splits it: policy, scripts, styles, and attributes that could run or load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.policy = ""
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.attributes: list[str] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes += [name for name, _ in attrs]
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        self._open = (tag, given) if tag in ("script", "style") else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.found.append((*self._open, data))

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 the base names it
        self._open = None

    def texts(self, tag: str, kind: str | None = None) -> list[str]:
        return [
            text for name, attributes, text in self.found if name == tag and attributes.get("type") == kind
        ]


def payload_of(text: str) -> Any:
    (block,) = Blocks(text).texts("script", "application/json")
    return json.loads(block)


# -- what the page says --------------------------------------------------------------------------------


def test_campaigns_come_in_order_of_suspicion_with_all_their_facts(run: Run) -> None:
    first, second = payload_of(page(read_picture(run)))["campaigns"]
    assert (first["id"], first["tier"], second["id"], second["tier"]) == (GRADES, "review", LEDGER, "benign")
    assert (first["prompts"], first["accounts"], first["score"]) == (3, 2, 0.75)
    assert first["title"] == safe_text(f"Grading: {HOSTILE}", 90)
    assert first["template"] == safe_text(f"Grade this essay: {HOSTILE}", 420, multiline=True)
    assert first["reasons"] == [
        safe_text(text, 240) for text in (f"Because of {HOSTILE}.", f"Not actionable: {HOSTILE}.")
    ]


def test_points_keep_their_campaign_and_lie_on_the_page(run: Run) -> None:
    points = payload_of(page(read_picture(run)))["points"]
    assert points["campaign"] == [0, 0, 1, -1, -1, -1]
    assert points["prompts"] == [6, 5, 4, 3, 2, 1]
    assert all(-0.1 <= value <= 1.1 for value in (*points["x"], *points["y"]))
    assert points["x"] == sorted(points["x"])
    assert points["radius"][0] > points["radius"][2] > points["radius"][3]


def test_too_many_points_lose_the_smallest_of_no_campaign(run: Run) -> None:
    picture = read_picture(run, most=4)
    assert picture.campaign.tolist() == [0, 0, 1, -1]
    assert picture.n_prompts.tolist() == [6, 5, 4, 3]
    assert picture.left_out == 2
    assert len(read_picture(run, most=0)) == 3


def test_the_same_run_gives_the_same_page(run: Run) -> None:
    assert page(read_picture(run)) == page(read_picture(run))


# -- what it cannot do ---------------------------------------------------------------------------------


def test_the_policy_names_exactly_the_script_and_style_of_the_page(run: Run) -> None:
    blocks = Blocks(page(read_picture(run)))
    (script,), (style,) = blocks.texts("script"), blocks.texts("style")

    def named(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert blocks.policy.split("; ") == [
        "default-src 'none'",
        f"script-src {named(script)}",
        f"style-src {named(style)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_nothing_is_loaded_and_nothing_runs_from_an_attribute(run: Run) -> None:
    text = page(read_picture(run))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text.partition('id="data"')[0])
    assert not {
        name for name in Blocks(text).attributes if name.startswith("on") or name in ("style", "src", "href")
    }
    script = Blocks(text).texts("script")[0]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function|fetch\(|https?:", script
    )


def test_hostile_text_opens_no_tag_and_holds_nothing_unseen(run: Run) -> None:
    text = page(read_picture(run))
    assert "<!--" not in text
    assert text.count("</script>") == 2
    assert text.isprintable() or not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text
    )


@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_embedded_json_comes_back_exactly_and_cannot_end_its_block(value: Any) -> None:
    text = embedded_json(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert not set("<>&") & set(text)


def test_embedded_json_takes_what_utf8_cannot() -> None:
    assert json.loads(embedded_json("\ud800 \x00 </script>")) == "\ud800 \x00 </script>"


# -- how it looks --------------------------------------------------------------------------------------


def test_thirty_six_campaigns_look_different() -> None:
    assert len({style_of(place) for place in range(36)}) == len(LIGHT) * len(SHAPES) == 36
    assert style_of(36) == style_of(0)


def _luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize(("palette", "page_colour"), [(LIGHT, "#ffffff"), (DARK, "#101317")])
def test_marks_stand_out_from_the_page(palette: tuple[str, ...], page_colour: str) -> None:
    for colour in palette:
        low, high = sorted([_luminance(colour), _luminance(page_colour)])
        assert (high + 0.05) / (low + 0.05) >= 2.7, colour


def test_marks_are_moved_apart_and_no_further_than_needed() -> None:
    rng = np.random.default_rng(5)
    places = np.concatenate([rng.normal(0.5, 0.01, (40, 2)), [[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]]])
    radii = np.full(43, 0.01)
    moved = spread.apart(places, radii)
    distance = np.hypot(*(moved[:, None] - moved[None, :]).transpose(2, 0, 1)) + np.eye(43)
    assert distance.min() > 0.019
    assert np.abs(moved - places).max() < 0.12
    assert moved[-1].tolist() == [0.9, 0.1]
    assert np.array_equal(moved, spread.apart(places, radii))


def test_nothing_to_move_apart() -> None:
    assert spread.apart(np.empty((0, 2)), np.empty(0)).shape == (0, 2)
    assert spread.apart(np.array([[0.1, 0.2]]), np.array([0.5])).tolist() == [[0.1, 0.2]]


# -- files ---------------------------------------------------------------------------------------------


def test_write_page(run: Run, tmp_path: Path) -> None:
    picture = read_picture(run)
    write_page(picture, tmp_path / "map.html")
    assert (tmp_path / "map.html").read_text(encoding="utf-8") == page(picture)


def test_png_is_a_picture_and_text_of_any_script_does_no_harm(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    write_png(read_picture(run), path, dots_per_inch=60)
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(content) > 5_000


def test_a_run_without_points_is_drawn_all_the_same(run: Run, tmp_path: Path) -> None:
    picture = read_picture(run, most=0)
    empty = type(picture)(
        day=picture.day,
        run_id=picture.run_id,
        **{
            name: getattr(picture, name)[:0]
            for name in ("x", "y", "radius", "n_prompts", "n_accounts", "campaign")
        },
        marks=(),
        left_out=0,
    )
    assert payload_of(page(empty))["campaigns"] == []
    write_png(empty, tmp_path / "empty.png", dots_per_inch=40)
    assert (tmp_path / "empty.png").stat().st_size > 1_000
