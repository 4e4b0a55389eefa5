"""500 payloads in every field that anybody outside can write, on every page, in a real browser: nothing runs.

No dialog, no report of the policy, no request to anywhere else, no element or attribute out of a payload, and every
payload on the page of its campaign as exact text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from browser import chromium, enter, live  # noqa: F401
from hostile_home import OPERATOR, Hostile, publish_hostile
from playwright.sync_api import Browser, Page, Request
from store_examples import MONDAY
from xss_corpus import corpus

from campaigns.keys import shared_key
from review.marked_text import Kind, marked
from review.web.links import Links

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

HOSTILE: Final = Hostile(corpus(), size=20)
WATCH: Final = """
window.ran = [];
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => window.ran.push(name);
document.addEventListener("securitypolicyviolation", (event) =>
  window.ran.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
INTRUDERS: Final = """() => {
  const tags = "script:not([src^='/static/']), img, iframe, object, embed, base, style, math, marquee, video, mglyph," +
    "link:not([href^='/']), meta[http-equiv], form[action^='javascript'], a[href^='javascript']," +
    "[formaction^='javascript'], svg script";
  const found = [...document.querySelectorAll(tags)].map((element) => element.outerHTML.slice(0, 200));
  for (const element of document.querySelectorAll("*"))
    for (const { name } of element.attributes)
      if (/^on|^(data-)?hx-on|^srcdoc$|^style$/.test(name) && !element.closest("canvas, .map-page"))
        found.push(`${element.tagName} ${name}`);
  return found;
}"""
REVEAL: Final = """async () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const element of document.querySelectorAll("[hx-trigger*=revealed], [hx-trigger*=intersect]"))
    element.scrollIntoView();
}"""


@dataclass
class Watched:
    """A page and what it did that it must not."""

    page: Page
    origin: str
    links: Links
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(WATCH)
        self.page.on(
            "dialog", lambda dialog: (self.seen.append(f"dialog {dialog.message}"), dialog.dismiss())
        )
        self.page.on("pageerror", lambda error: self.seen.append(f"error {error}"))
        self.page.on("console", lambda told: self.seen.append(told.text) if told.type == "error" else None)
        self.page.on("request", self._requested)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.seen.append(f"request {request.url}")

    def open(self, path: str) -> None:
        """Open a page with all that it loads later, and look for what ran."""
        answer = self.page.goto(self.origin + path)
        assert answer is not None
        assert answer.status == 200, path
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate(REVEAL)
        self.page.wait_for_load_state("networkidle")
        self.check(path)

    def check(self, where: str) -> None:
        ran: list[str] = self.page.evaluate("window.ran")
        assert (ran, self.seen) == ([], []), where
        intruders: list[Any] = self.page.evaluate(INTRUDERS)
        assert intruders == [], where

    def text(self) -> str:
        """All text of the page, what is folded away too, white space run together."""
        found: str = self.page.evaluate("document.body.textContent")
        return " ".join(found.split())


@pytest.fixture(scope="module")
def watched(
    chromium: Browser,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    home = tmp_path_factory.mktemp("hostile")
    publish_hostile(home, HOSTILE)
    with live(home) as (origin, store):
        page = chromium.new_page()
        enter(page, origin, store)
        page.set_default_timeout(20_000)
        yield Watched(page, origin, Links(shared_key(store, "links")))
        page.close()


def shown(payload: str) -> str:
    """A payload as a page shows it: with a label for what cannot be seen."""
    parts = (part.text if part.kind == Kind.PLAIN else part.label for part in marked(payload))
    return " ".join("".join(parts).split())


@pytest.mark.parametrize("i", range(len(HOSTILE)))
def test_a_campaign_of_payloads_shows_them_as_text(watched: Watched, i: int) -> None:
    watched.open(f"/campaigns/{HOSTILE.name(i)}")
    text = watched.text()
    missing = [payload for payload in HOSTILE.part(i) if shown(payload) not in text]
    assert missing == []


@pytest.mark.parametrize(
    "path",
    [
        "/queue?tier=all&decision=all",
        f"/queue?on={HOSTILE.name(0)}&on={HOSTILE.name(1)}",
        "/operators",
        f"/operators/{OPERATOR}",
        "/accounts",
        "/runs",
        f"/runs/{MONDAY}",
        f"/map/{MONDAY}",
        "/allow-list",
        "/proposals",
        "/audit",
        f"/compare?left={HOSTILE.name(0)}&right={HOSTILE.name(1)}",
        f"/compare?left={HOSTILE.name(3)}&right={HOSTILE.name(24)}",
    ],
)
def test_a_page_runs_nothing(watched: Watched, path: str) -> None:
    watched.open(path)


def test_every_row_of_the_audit_log_is_text(watched: Watched) -> None:
    watched.open("/audit")
    for _ in range(50):
        older = watched.page.get_by_role("button", name="Rows before")
        if older.count() == 0:
            break
        older.click()
        watched.page.wait_for_load_state("networkidle")
        watched.check("audit")
    assert "decided" in watched.text()


def test_accounts_are_text_and_their_ids_are_in_no_address(watched: Watched) -> None:
    for i in range(len(HOSTILE)):
        account = HOSTILE.account(i, 0)
        watched.open(f"/accounts/{watched.links.reference(account)}")
        assert shown(account) in watched.text()


def test_what_the_queue_shows_beside_it_is_text(watched: Watched) -> None:
    watched.open("/queue?tier=all&decision=all")
    for _ in range(len(HOSTILE)):
        watched.page.keyboard.press("j")
        watched.page.wait_for_load_state("networkidle")
        watched.check("glance")


@pytest.mark.parametrize("key", ["a", "d", "w", "r", "m", "s"])
def test_dialogs_are_text(watched: Watched, key: str) -> None:
    watched.open(f"/campaigns/{HOSTILE.name(1)}")
    watched.page.keyboard.press(key)
    watched.page.wait_for_selector("dialog[open]")
    watched.page.wait_for_load_state("networkidle")
    watched.check(f"dialog {key}")
