"""Takes the pictures of the analyst's page in this folder, from the demo: `make demo`, then this file.

It works on a copy of the demo's home, decides a little so that pages have something to show, and drives a headless
Chromium.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from campaigns.entries import Verdict
from campaigns.queue import Filter, select_queue
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.web.app import create_app
from review.web.sign_in.local import issue_link

IMAGES: Final = Path(__file__).parent / "images"
CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
SIZES: Final = {"light": (1280, 860), "dark": (1280, 860), "narrow": (400, 860)}


def main(home: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "home"
        shutil.copytree(home, copy)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            settings = Settings(home=copy, review=ReviewSettings(port=port, stale_hours=1e6))
            with Store.open(settings) as store:
                server = uvicorn.Server(
                    uvicorn.Config(create_app(settings, store), log_level="error", access_log=False)
                )
                thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
                thread.start()
                while not server.started:
                    time.sleep(0.02)
                try:
                    _take(store, f"http://127.0.0.1:{port}")
                finally:
                    server.should_exit = True
                    thread.join()


def _take(store: Store, origin: str) -> None:
    with store.reading() as session:
        rows = select_queue(session, Filter()).rows
    first, second, last = rows[0].campaign_id, rows[1].campaign_id, rows[-1].campaign_id
    pages = {
        "queue": "/queue",
        "campaign": f"/campaigns/{first}",
        "compare": f"/compare?left={first}&right={second}",
        "map": "/map",
        "run": f"/runs/{rows[0].last_day}",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        cookies = _signed_in(browser, issue_link(store, origin, "ada"))
        for scheme, (width, height) in SIZES.items():
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            context.add_cookies(cookies)
            page = context.new_page()
            for name, path in pages.items():
                page.goto(origin + path)
                _settle(page)
                page.screenshot(path=IMAGES / f"review-{name}-{scheme}.png")
            if scheme == "light":
                page.goto(f"{origin}/campaigns/{last}")
                page.keyboard.press("a")
                page.wait_for_selector("dialog[open]")
                _settle(page)
                page.screenshot(path=IMAGES / "review-decision-light.png")
                store.decide(last, Verdict.WATCH, reason="all of its accounts are in one place", author="ada")
                page.goto(f"{origin}/audit")
                _settle(page)
                page.screenshot(path=IMAGES / "review-audit-light.png")
            context.close()
        browser.close()


def _signed_in(browser: Browser, link: str) -> list[dict[str, object]]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.wait_for_selector("header .who")
    cookies = [dict(cookie) for cookie in context.cookies()]
    context.close()
    return cookies


def _settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)  # the map draws after its data


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var/demo"))
