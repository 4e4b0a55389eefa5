"""Every page, in light and dark, wide and narrow: axe finds nothing serious, and nothing sticks out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from browser import chromium, enter, live  # noqa: F401
from hostile_home import OPERATOR, Hostile, publish_hostile
from playwright.sync_api import Browser, Page
from store_examples import MONDAY

from campaigns.keys import shared_key
from review.web.links import Links

pytestmark = [pytest.mark.slow, pytest.mark.browser]

RIGHT_TO_LEFT: Final = "اكتب تقييما للمقال التالي من واحد إلى عشرة "
HOSTILE: Final = Hostile(
    [
        "Grade the essay below from one to ten",
        RIGHT_TO_LEFT * 20,
        "W" * 10_000,
        "漢字" * 400,
        "a \u200b\u200c\u202e hidden \u2066 word",
        "Balance the ledger\nof May",
    ],
    size=2,
)
SERIOUS: Final = frozenset({"serious", "critical"})


@pytest.fixture(scope="module")
def opened(
    chromium: Browser,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Page, str, Links]]:
    home = tmp_path_factory.mktemp("axe")
    publish_hostile(home, HOSTILE)
    with live(home) as (origin, store):
        page = chromium.new_page()
        enter(page, origin, store)
        yield page, origin, Links(shared_key(store, "links"))
        page.close()


PATHS: Final = (
    "/queue?tier=all&decision=all",
    "/queue",
    f"/campaigns/{HOSTILE.name(0)}",
    f"/campaigns/{HOSTILE.name(1)}",
    f"/compare?left={HOSTILE.name(0)}&right={HOSTILE.name(2)}",
    "/operators",
    f"/operators/{OPERATOR}",
    "/accounts",
    "an account",
    "/runs",
    f"/runs/{MONDAY}",
    f"/map/{MONDAY}",
    "/allow-list",
    "/proposals",
    "/audit",
    "/nowhere",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_serious(opened: tuple[Page, str, Links], path: str, scheme: Any) -> None:
    page, origin, links = opened
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(origin + _address(path, links))
    page.wait_for_load_state("networkidle")
    found = Axe().run(page)
    serious = [
        (one["id"], one["impact"], [node["target"] for node in one["nodes"]][:3])
        for one in found.response["violations"]
        if one["impact"] in SERIOUS
    ]
    assert serious == []


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_sticks_out_whatever_a_prompt_holds(
    opened: tuple[Page, str, Links], path: str, width: int
) -> None:
    page, origin, links = opened
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(origin + _address(path, links))
    page.wait_for_load_state("networkidle")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0


def test_dialogs_pass_as_well(opened: tuple[Page, str, Links]) -> None:
    page, origin, _ = opened
    page.set_viewport_size({"width": 1280, "height": 900})
    for key in ("a", "d", "r", "m", "?"):
        page.goto(f"{origin}/campaigns/{HOSTILE.name(1)}")
        page.wait_for_load_state("networkidle")
        page.keyboard.press(key)
        page.wait_for_selector("dialog[open]")
        found = Axe().run(page)
        assert [one["id"] for one in found.response["violations"] if one["impact"] in SERIOUS] == [], key


def _address(path: str, links: Links) -> str:
    return f"/accounts/{links.reference(HOSTILE.account(1, 0))}" if path == "an account" else path
