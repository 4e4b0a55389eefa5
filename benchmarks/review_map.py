"""How fast is the analyst's map of 100,000 points, in a browser without a graphics card?"""

from __future__ import annotations

import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.map_server import DAY, pages, picture, served
from benchmarks.measure import alternately
from benchmarks.results import Figure, Result
from campaigns.runs import Run
from review.map import Picture, read_picture
from review.web.map_points import points

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
N_CAMPAIGNS: Final = 1_000
VISITS: Final = 5
SECONDS: Final = 3

_WATCH: Final = """
window.drawn = [];
const draw = WebGL2RenderingContext.prototype.drawArrays;
WebGL2RenderingContext.prototype.drawArrays = function (...given) {
  const started = performance.now();
  draw.apply(this, given);
  this.readPixels(0, 0, 1, 1, this.RGBA, this.UNSIGNED_BYTE, new Uint8Array(4)); // waits until it is drawn
  window.drawn.push([started, performance.now()]);
};
"""
_WAIT: Final = """() => new Promise((done) => {
  const look = () => (window.drawn.length ? done() : requestAnimationFrame(look));
  look();
})"""
_MOVE: Final = """async ([how, seconds]) => {
  const canvas = document.getElementById("map-points");
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const x = left + width / 2, y = top + height / 2;
  const pointer = (type, dx) => canvas.dispatchEvent(new PointerEvent(type,
    { pointerId: 1, clientX: x + dx, clientY: y + dx / 2, bubbles: true }));
  const wheel = (turn) => canvas.dispatchEvent(new WheelEvent("wheel",
    { deltaY: 60 * turn, clientX: x, clientY: y, bubbles: true, cancelable: true }));
  canvas.setPointerCapture = () => {}; // there is no such pointer
  const first = window.drawn.length, started = performance.now();
  if (how === "pan") pointer("pointerdown", 0);
  let frames = 0;
  while (performance.now() - started < 1000 * seconds) {
    frames += 1;
    if (how === "pan") pointer("pointermove", 100 * Math.sin(frames / 5));
    else wheel(frames % 40 < 20 ? -1 : 1);
    await new Promise(requestAnimationFrame);
  }
  if (how === "pan") pointer("pointerup", 0);
  return (window.drawn.length - first) / ((performance.now() - started) / 1000);
}"""


def review_map(n_points: int, folder: Path, seconds: float = SECONDS) -> Result:
    """A day of `n_points`: read, encoded, opened in headless Chromium, dragged and zoomed.

    What happens once a visit is the median of `VISITS`; moving goes on for `seconds` each.
    """
    shown = picture(n_points, min(N_CAMPAIGNS, n_points))
    run = _written(shown, folder / "map")
    read, encoded = alternately(lambda: read_picture(run, n_points), lambda: points(shown), repeat=3)
    with served(pages(shown)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = [_opened(browser, f"{address}/map/{DAY}") for _ in range(VISITS)]
        first = [page.evaluate("window.drawn[0]") for page in opened]
        rates = {how: _rate(opened[-1], how, seconds) for how in ("pan", "zoom")}
        browser.close()
    ended = statistics.median(end for _, end in first) / 1000
    call = statistics.median(end - start for start, end in first) / 1000
    figures = (
        Figure("read from the run", read, "s"),
        Figure("encoded", encoded, "s"),
        Figure("first drawn after navigation", ended, "s"),
        Figure("first draw call", call, "s"),
        Figure("frames a second, dragging", rates["pan"], ""),
        Figure("frames a second, zooming", rates["zoom"], ""),
    )
    return Result(
        f"The map of {n_points:,} points and {len(shown.marks):,} campaigns, without a GPU",
        figures,
        ("visit", "first draw call s", "first drawn s"),
        tuple((n, (end - start) / 1000, end / 1000) for n, (start, end) in enumerate(first, 1)),
    )


def _opened(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.add_init_script(_WATCH)
    page.goto(address)
    page.evaluate(_WAIT)  # the policy stops `wait_for_function`
    return page


def _rate(page: Page, how: str, seconds: float) -> float:
    rate: float = page.evaluate(_MOVE, [how, seconds])
    return rate


def _written(shown: Picture, folder: Path) -> Run:
    """A run with only what the map reads."""
    folder.mkdir()
    names = [mark.campaign_id for mark in shown.marks]
    places = {
        "x": shown.x.astype("f4"),
        "y": shown.y.astype("f4"),
        "n_prompts": shown.n_prompts,
        "n_accounts": shown.n_accounts,
        "campaign_id": [names[place] if place >= 0 else None for place in shown.campaign.tolist()],
    }
    found = [asdict(mark) | {"label": mark.title, "tier": mark.tier.value} for mark in shown.marks]
    pq.write_table(pa.table(places), folder / "map.parquet")
    pq.write_table(pa.Table.from_pylist(found), folder / "campaigns.parquet")
    return Run(path=folder, day=shown.day, attempt=1, fingerprint="")
