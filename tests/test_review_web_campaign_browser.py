"""The page of a campaign in a browser: its dialogs by key, and nothing that sticks out, whatever senders wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browser import chromium, enter, live  # noqa: F401
from playwright.sync_api import Browser, Page, expect
from run_examples import GRADES, LEDGER, publish_example
from sqlalchemy import select

from campaigns import files
from campaigns.records import PROMPTS
from campaigns.splits import standing_splits
from campaigns.store import Store
from campaigns.tables import WordingRow

pytestmark = [pytest.mark.slow, pytest.mark.browser]

RIGHT_TO_LEFT: Final = "اكتب تقييما للمقال\nThen one line in English.\nثم سطر آخر"
LONG: Final = "W" * 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    page: Page
    origin: str
    store: Store
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.origin + path)
        return self.page


@pytest.fixture(scope="module")
def seen(
    chromium: Browser,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Seen]:
    """Two campaigns; the first has two wordings, a prompt of 10,000 letters and one from right to left."""
    home = tmp_path_factory.mktemp("home")
    run = publish_example(home)
    write_prompts(run.path / "prompts/part-0000.parquet", {"p1": LONG, "p2": RIGHT_TO_LEFT})
    with live(home) as (origin, store):
        add_wording(store)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        found = Seen(page, origin, store)
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on("dialog", lambda dialog: found.complaints.append(dialog.message))
        page.on("console", lambda line: found.complaints.append(line.text) if line.type == "error" else None)
        enter(page, origin, store)
        yield found
        page.close()


@pytest.fixture(autouse=True)
def quiet(seen: Seen) -> Iterator[None]:
    """No script fails, nothing is refused by the Content-Security-Policy, nothing pops up."""
    seen.complaints.clear()
    yield
    assert seen.complaints == []


def write_prompts(path: Path, prompts: dict[str, str]) -> None:
    rows = pq.read_table(path).to_pylist()
    rows = [row | {"prompt": prompts.get(row["prompt_id"], row["prompt"])} for row in rows]
    files.write_parquet(path, pa.Table.from_pylist(rows, PROMPTS))


def add_wording(store: Store) -> None:
    """A second one, so that there is something to split."""
    with store.writing() as session:
        row = session.scalars(select(WordingRow).where(WordingRow.campaign_id == GRADES)).one()
        told = {column.key: getattr(row, column.key) for column in WordingRow.__table__.columns}
        session.add(WordingRow(**told | {"variant": 1}))


def reason(page: Page, text: str, button: str) -> None:
    page.get_by_role("textbox", name="Reason").fill(text)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_it_is_relabelled_by_key_and_the_head_follows(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{LEDGER}")
    page.keyboard.press("r")
    page.get_by_label("Title").fill("<b>Books</b>")
    page.get_by_role("button", name="Call it so").click()
    assert page.locator("dialog[open]").count() == 1  # a reason is required
    reason(page, "they balance books", "Call it so")
    expect(page.locator("h1")).to_have_text("<b>Books</b>")
    expect(page.locator("#head")).to_contain_text("Found as: Balance the ledger")
    expect(page.locator("#messages")).to_contain_text("is called")


def test_what_is_wrong_is_said_inside_the_dialog(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{LEDGER}")
    page.keyboard.press("r")
    page.get_by_label("Title").fill("")
    page.get_by_role("textbox", name="Reason").fill("no title")
    page.get_by_role("button", name="Call it so").click()
    expect(page.locator("dialog[open] [data-problem]")).to_contain_text(
        "neither title nor objective is given"
    )
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    seen.complaints.clear()  # the browser notes the refusal


def test_a_merge_shows_its_effect_before_it_is_made_and_can_be_taken_back(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{GRADES}")
    page.keyboard.press("m")
    page.get_by_label("Id of another campaign").fill(LEDGER)
    expect(page.locator("#effect")).to_contain_text(f"what is found by the wordings of {LEDGER} is {GRADES}")
    reason(page, "one pool", "They are one")
    lineage = page.locator("#lineage")
    expect(lineage).to_contain_text(f"{LEDGER} is a part of it")
    assert seen.store.answers()[LEDGER].same
    lineage.get_by_role("button", name="They are two after all").click()
    reason(page, "two pools", "They are two")
    expect(lineage.locator(".callout")).to_have_count(0)
    assert not seen.store.answers()[LEDGER].same


def test_wordings_are_split_off_and_taken_back(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{GRADES}")
    page.keyboard.press("s")
    page.locator('dialog input[name="wording"]').nth(1).check()
    reason(page, "other topics", "Split them off")
    lineage = page.locator("#lineage")
    expect(lineage).to_contain_text("Wording 2 is a campaign of its own")
    lineage.get_by_role("button", name="Take the split back").click()
    reason(page, "the same topics", "Take it back")
    expect(lineage.locator(".callout")).to_have_count(0)
    with seen.store.reading() as session:
        assert standing_splits(session, GRADES) == []


def test_a_decision_by_key_shows_at_once(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{GRADES}")
    page.keyboard.press("w")
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator("#decision .verdict")).to_have_text("Watch")
    expect(page.locator("#decision")).not_to_have_class(re.compile("htmx-"))  # what is new can be pressed
    page.keyboard.press("u")
    expect(page.locator("#decision")).to_contain_text("Nobody has decided.")


def test_c_leads_to_the_comparison(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{GRADES}")
    page.keyboard.press("c")
    page.get_by_label("Id of another campaign").fill(LEDGER)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".templates .card")).to_have_count(2)


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("path", [f"/campaigns/{GRADES}", f"/compare?left={GRADES}&right={LEDGER}"])
def test_nothing_sticks_out_whatever_was_sent(seen: Seen, path: str, width: int) -> None:
    seen.page.set_viewport_size({"width": width, "height": 900})
    page = seen.open(path)
    for details in page.locator("details").all():
        details.evaluate("one => { one.open = true }")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    seen.page.set_viewport_size({"width": 1280, "height": 900})


def test_a_long_prompt_opens_whole_and_each_line_runs_its_own_way(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{GRADES}")
    example = page.locator("#examples .example").first
    beginning, whole = example.locator(".beginning"), example.locator(".whole")
    expect(beginning).to_be_visible()
    expect(whole).to_be_hidden()
    example.locator("summary").click()
    expect(beginning).to_be_hidden()
    assert whole.text_content() == LONG
    lines = page.locator("#examples .example").nth(1).locator(".original")
    assert lines.text_content() == RIGHT_TO_LEFT
    # Where each line starts: at the right edge, at the left, at the right.
    starts = lines.evaluate(
        """box => box.textContent.split("\\n").map((line, i, all) => {
             const at = all.slice(0, i).join("\\n").length + (i ? 1 : 0);
             const range = document.createRange();
             range.setStart(box.firstChild, at); range.setEnd(box.firstChild, at + 1);
             const { left, right } = range.getBoundingClientRect(), own = box.getBoundingClientRect();
             return own.right - right < left - own.left ? "right" : "left";
           })"""
    )
    assert starts == ["right", "left", "right"]


def test_what_is_far_down_comes_when_it_is_looked_at(seen: Seen) -> None:
    page = seen.open(f"/campaigns/{GRADES}")
    page.locator("#trail").scroll_into_view_if_needed()
    expect(page.locator("#trail")).to_contain_text("The log is whole.")
    page.locator("#near").scroll_into_view_if_needed()
    expect(page.locator("#near .waits")).to_have_count(0)
