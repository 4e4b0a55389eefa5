"""The map page in a real browser, cut off from every network: it draws, and hostile text stays text."""

from __future__ import annotations

import re
import subprocess
from html import unescape
from html.parser import HTMLParser

import pytest
from run_examples import HOSTILE, publish_example

from review.map import read_picture, write_page

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=4000")  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.browser]


class Elements(HTMLParser):
    """Start tags with their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """(the page's DOM after its script ran, what the browser's console said)."""
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "map.html"
    write_page(read_picture(publish_example(folder / "home")), page)
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_the_page_draws_without_a_complaint(opened: tuple[str, str]) -> None:
    dom, console = opened
    assert console == ""
    canvas = re.search(r"<canvas[^>]*>", dom)
    assert canvas is not None
    assert int(re.search(r'width="(\d+)"', canvas[0])[1]) > 300  # type: ignore[index]  # set by the script


def test_hostile_titles_are_shown_as_text_and_make_no_element(opened: tuple[str, str]) -> None:
    dom, _ = opened
    parser = Elements()
    parser.feed(dom)
    assert [tag for tag, _ in parser.seen if tag in ("img", "iframe", "svg", "object", "embed")] == []
    assert all(not name.startswith("on") for _, attributes in parser.seen for name in attributes)
    assert sum(tag == "script" for tag, _ in parser.seen) == 2  # the data and the page's own
    assert "[bold]</script><!--" in unescape(re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL))
    assert "[bold]</script><!--" in HOSTILE
