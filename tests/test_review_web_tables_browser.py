"""The pages of runs, accounts, operators, allow-list and audit log in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import chromium, enter, live  # noqa: F401
from playwright.sync_api import Browser, Page, expect
from run_examples import GRADES, publish_example
from store_examples import MONDAY

from campaigns.entries import AllowKind, Verdict
from campaigns.store import Store

pytestmark = pytest.mark.browser

PAGES: Final = (
    "/runs", f"/runs/{MONDAY}", "/accounts", "/operators", "/operators/o-aaaa1111", "/allow-list", "/audit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    page: Page
    origin: str
    store: Store
    complaints: list[str]

    def open(self, path: str) -> Page:
        self.page.goto(self.origin + path)
        return self.page


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def seen(chromium: Browser, tmp_path: Path, scheme: str) -> Iterator[Seen]:  # noqa: F811
    publish_example(tmp_path, counts={"canary.exact": 0.5, "ingest.quarantined": 1})
    with live(tmp_path) as (origin, store):
        context = chromium.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        enter(page, origin, store)
        yield Seen(page, origin, store, complaints)
        context.close()


def look_up(page: Page, account: str) -> None:
    page.get_by_label("Account id").fill(account)
    page.get_by_role("button", name="Look up").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(account)


def test_all_are_accessible_and_nothing_complains(seen: Seen) -> None:
    seen.store.decide(GRADES, Verdict.DISMISSED, reason="homework", author="ben")
    seen.store.decide(GRADES, Verdict.CONFIRMED, reason="dealt out", author="ben")
    seen.store.add_allow(AllowKind.ORGANIZATION, "org-1", reason="ours", author="ops")
    found = []
    for path in PAGES:
        page = seen.open(path)
        if path == "/accounts":
            look_up(page, "acct-2")
        found += [
            f"{path} {one['id']}: {one['nodes'][0]['html'][:200]}"
            for one in Axe().run(page).response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
    assert found == []
    assert seen.complaints == []


def test_no_page_is_wider_than_a_narrow_window(seen: Seen) -> None:
    seen.page.set_viewport_size({"width": 400, "height": 800})
    for path in PAGES:
        page = seen.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("scheme", ["light"])
def test_an_entry_is_added_and_removed_and_a_mistake_stays_on_the_page(seen: Seen) -> None:
    page = seen.open("/allow-list")
    page.get_by_label("Value").fill("c-nobody")
    page.get_by_label("Why").fill("a course")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#messages")).to_contain_text("nobody knows this campaign")
    expect(page.get_by_label("Why")).to_have_value("a course")
    page.get_by_label("Value").fill(GRADES)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("cell", name="a course")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nothing is on the allow-list.")).to_be_visible()
    assert seen.store.allow_list() == []


@pytest.mark.parametrize("scheme", ["light"])
def test_the_log_is_filtered_where_it_stands(seen: Seen) -> None:
    seen.store.decide(GRADES, Verdict.WATCH, reason="small", author="ben")
    page = seen.open("/audit")
    expect(page.locator("#log tbody tr")).to_have_count(2)
    page.get_by_label("Who").select_option("ben")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#log tbody tr")).to_have_count(1)
    expect(page.locator("#log tbody tr")).to_contain_text("small")
    assert page.url == f"{seen.origin}/audit"


@pytest.mark.parametrize("scheme", ["light"])
def test_the_queue_is_downloaded(seen: Seen) -> None:
    page = seen.open("/queue")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as started:
        page.get_by_role("button", name="JSON Lines").click()
    download = started.value
    assert download.suggested_filename == f"shoal-queue-{MONDAY}.jsonl"
    assert GRADES in Path(download.path()).read_text()
