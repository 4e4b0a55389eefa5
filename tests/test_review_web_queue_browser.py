"""An analyst at work, in a real browser, by keys: the queue from its first campaign to "nothing waits"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from browser import chromium, enter, live  # noqa: F401  -- a fixture
from playwright.sync_api import Browser, Page, expect
from queue_examples import STRONG, examples, exemplar, named_together, publish_queue

from campaigns.entries import Verdict
from campaigns.queue import PAGE
from campaigns.records import Tier
from campaigns.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ALL = examples(12, tiers=(Tier.ACTIONABLE, Tier.REVIEW))
IDS = [one.campaign_id for one in ALL]
KEYS = {"a": Verdict.CONFIRMED, "d": Verdict.DISMISSED, "w": Verdict.WATCH}


_SAME_ROWS = """wanted => {
  const found = [...document.querySelectorAll("#queue-list tr[data-id]")].map(row => row.dataset.id);
  return found.join() === wanted.join();
}"""


@dataclass
class Analyst:
    """Somebody at a keyboard; counts the keys they press, and notes what the browser complains of."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    keys: int = 0

    def press(self, *names: str) -> None:
        for name in names:
            self.page.keyboard.press(name)
            self.keys += 1

    def rows(self, *ids: str) -> None:
        """Wait until these are the rows, in this order."""
        self.page.wait_for_function(_SAME_ROWS, arg=list(ids))

    def at(self, campaign_id: str) -> None:
        """Wait until this is the current row, with the focus, and the pane tells of it."""
        row = self.page.locator("#queue-list tr[aria-current]")
        expect(row).to_have_attribute("data-id", campaign_id)
        expect(row.locator(".title")).to_be_focused()
        expect(self.page.locator("#glance")).to_contain_text(f"Grade essay {campaign_id} about")

    def dialog(self, text: str) -> None:
        expect(self.page.locator("dialog[open]")).to_contain_text(text)

    def said(self, text: str) -> None:
        expect(self.page.locator("#messages")).to_contain_text(text)
        expect(self.page.locator("dialog[open]")).to_have_count(0)


@pytest.fixture
def served(store_url: str, tmp_path: Path) -> Iterator[tuple[Path, str, Store]]:
    """(home, origin, store): a day of twelve campaigns, on each database."""
    home = tmp_path / "home"
    with live(home, store_url, second_person_accounts=20) as (origin, store):
        publish_queue(home, store, ALL)
        yield home, origin, store


@contextmanager
def somebody(browser: Browser, origin: str, store: Store, user: str = "ada") -> Iterator[Analyst]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(10_000)
    analyst = Analyst(page, origin)
    page.on("console", lambda told: analyst.complaints.append(told.text))
    page.on("pageerror", lambda error: analyst.complaints.append(str(error)))
    page.on("request", lambda asked: analyst.requests.append(asked.url))
    enter(page, origin, store, user)
    page.wait_for_selector("#glance article")
    page.evaluate("window.stayed = true")
    yield analyst
    context.close()
    assert [text for text in analyst.complaints if "409" not in text] == []


@pytest.fixture
def ada(served: tuple[Path, str, Store], chromium: Browser) -> Iterator[Analyst]:  # noqa: F811
    with somebody(chromium, served[1], served[2]) as analyst:
        yield analyst


def test_a_queue_is_worked_through_with_two_keys_a_decision(
    served: tuple[Path, str, Store], ada: Analyst
) -> None:
    store = served[2]
    ada.rows(*IDS)
    keys = [list(KEYS)[number % 3] for number in range(len(IDS))]
    for number, key in enumerate(keys):
        ada.press(key)
        ada.dialog("6 accounts")
        ada.press("1")
        ada.said(IDS[number])
        if number + 1 < len(IDS):
            ada.at(IDS[number + 1])
        ada.rows(*IDS[number + 1 :])
    expect(ada.page.locator("#queue-list")).to_contain_text("Nothing waits for you")
    assert ada.keys <= 3 * len(IDS)
    assert ada.keys == 2 * len(IDS)
    assert ada.page.evaluate("window.stayed")
    made = store.decisions()
    assert [(one.campaign_id, one.verdict) for one in made] == list(
        zip(IDS, map(KEYS.__getitem__, keys), strict=True)
    )
    assert {one.reason for one in made if one.verdict == Verdict.CONFIRMED} == {f"{STRONG}."}


def test_several_are_decided_at_once_and_taken_back_at_once(
    served: tuple[Path, str, Store], ada: Analyst
) -> None:
    store = served[2]
    ada.press("j", "x", "j", "j", "X")
    expect(ada.page.locator("#bulk")).to_contain_text("3 selected")
    ada.press("d")
    ada.dialog(f"{named_together(ALL[1:4])} accounts are named by them, each counted once")
    ada.press("2")
    ada.said("Dismissed 3 campaigns")
    ada.rows(*IDS[:1], *IDS[4:])
    ada.at(IDS[4])
    expect(ada.page.locator("#bulk")).to_be_hidden()
    assert set(store.standing()) == set(IDS[1:4])
    ada.press("u")
    ada.said("Taken back: 3 decisions")
    ada.rows(*IDS)
    ada.at(IDS[1])
    assert store.standing() == {}
    assert ada.page.evaluate("window.stayed")


def test_an_undo_brings_back_the_row_and_goes_to_it(ada: Analyst) -> None:
    for verdict in ("w", "d"):
        ada.press(verdict)
        ada.dialog("Cancel")
        ada.press("1")
        ada.said("Undo")
    ada.rows(*IDS[2:])
    ada.press("u")
    ada.said(f"Taken back: {IDS[1]}")
    ada.rows(*IDS[1:])
    ada.at(IDS[1])
    ada.press("u")
    ada.said(f"Taken back: {IDS[0]}")
    ada.rows(*IDS)
    ada.press("u")
    ada.said("Nothing was decided here")


def test_rows_are_walked_and_opened_by_keys(ada: Analyst) -> None:
    ada.press("j", "j", "k")
    ada.at(IDS[1])
    ada.press("ArrowDown")
    ada.at(IDS[2])
    expect(ada.page.locator("#glance")).to_contain_text(exemplar(ALL[2]))
    ada.press("?")
    expect(ada.page.locator("#help")).to_be_visible()
    ada.press("j", "Escape")
    ada.at(IDS[2])
    with ada.page.expect_request(f"{ada.origin}/campaigns/{IDS[2]}"):
        ada.press("Enter")


def test_a_reason_in_ones_own_words_begins_with_any_letter(
    served: tuple[Path, str, Store], ada: Analyst
) -> None:
    ada.press("a")
    ada.dialog("Confirm")
    ada.page.keyboard.type("two pools, 1 card")
    ada.press("Enter")
    ada.said(f"Confirmed {IDS[0]}")
    assert [one.reason for one in served[2].decisions()] == ["two pools, 1 card"]


def test_letters_in_the_search_are_no_keys_and_reach_no_address(ada: Analyst) -> None:
    lamps = [one.campaign_id for one in ALL if "lamps" in one.title]
    ada.press("/")
    ada.page.keyboard.type("lamps")
    ada.rows(*lamps)
    expect(ada.page.locator("dialog[open]")).to_have_count(0)
    ada.page.select_option("select[name=sort]", "title")
    ada.page.wait_for_url("**/queue?sort=title")
    expect(ada.page.locator("#queue-list tr[data-id]")).to_have_count(len(lamps))
    assert not any("lamps" in url for url in [*ada.requests, ada.page.url])
    ada.page.focus("#words")
    ada.press("Escape")
    expect(ada.page.locator("#queue-list tr[data-id]")).to_have_count(len(IDS))
    assert ada.page.evaluate("window.stayed")


def test_a_saved_view_has_an_address_of_its_own(ada: Analyst) -> None:
    lamps = [one.campaign_id for one in ALL if "lamps" in one.title]
    ada.press("/")
    ada.page.keyboard.type("lamps")
    ada.rows(*lamps)
    ada.page.get_by_text("Save view").click()
    ada.page.get_by_label("Name").fill("Lamps")
    ada.page.get_by_role("button", name="Save", exact=True).click()
    ada.page.wait_for_url("**/queue?view=1")
    ada.rows(*lamps)
    expect(ada.page.locator(".views a[aria-current]")).to_have_text("Lamps")
    ada.page.get_by_role("link", name="Waiting").click()
    ada.rows(*IDS)
    ada.page.go_back()
    ada.rows(*lamps)
    assert not any("lamps" in url.lower() for url in ada.requests)


def test_what_changed_meanwhile_is_said_in_the_dialog_and_not_decided(
    served: tuple[Path, str, Store], ada: Analyst
) -> None:
    home, _, store = served
    ada.press("a")
    ada.dialog("6 accounts")
    publish_queue(home, store, ALL, force=True)
    ada.press("1")
    ada.dialog("changed since you looked")
    assert store.decisions() == []
    ada.press("Escape")
    ada.at(IDS[0])
    ada.press("a")
    ada.dialog("6 accounts")
    ada.press("1")
    ada.said(f"Confirmed {IDS[0]}")


def test_two_people_decide_about_many_accounts(
    served: tuple[Path, str, Store],
    ada: Analyst,
    chromium: Browser,  # noqa: F811
) -> None:
    _, origin, store = served
    ada.press("x", *["j"] * 11, "X", "a")
    ada.dialog(f"{named_together(ALL)} accounts would be named")
    ada.dialog("this becomes a proposal")
    ada.press("1")
    ada.said("Proposed to confirm 12 campaigns")
    ada.rows()
    assert store.decisions() == []
    expect(ada.page.locator("#waiting")).to_have_text("1")
    ada.page.goto(f"{origin}/proposals")
    expect(ada.page.get_by_role("button", name="Approve")).to_have_count(0)
    expect(ada.page.get_by_role("button", name="Withdraw")).to_be_visible()
    context = chromium.new_context()
    bob = context.new_page()
    enter(bob, origin, store, "bob")
    bob.goto(f"{origin}/proposals")
    bob.get_by_label("Reason").fill("agreed")
    bob.get_by_role("button", name="Approve").click()
    expect(bob.locator("main")).to_contain_text("No proposal waits")
    expect(bob.locator("main")).to_contain_text("approved by bob")
    expect(bob.locator("#waiting")).to_be_hidden()
    context.close()
    assert {one.verdict for one in store.standing().values()} == {Verdict.CONFIRMED}
    assert len(store.standing()) == len(IDS)


def test_a_page_that_runs_empty_fills_up_from_the_next(tmp_path: Path, chromium: Browser) -> None:  # noqa: F811
    many = examples(PAGE + 2, tiers=(Tier.REVIEW,))
    with live(tmp_path) as (origin, store):
        publish_queue(tmp_path, store, many)
        with somebody(chromium, origin, store) as ada:
            ada.press("w")
            ada.dialog("Cancel")
            ada.press("1")
            ada.rows(*(one.campaign_id for one in many[1 : PAGE + 1]))
            ada.page.get_by_text(f"Select all {PAGE + 1}").click()
            expect(ada.page.locator("#bulk")).to_contain_text(
                f"{PAGE + 1} selected, 1 of them on other pages"
            )
