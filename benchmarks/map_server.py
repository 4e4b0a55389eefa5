"""The map page on a server of its own, with synthetic days: for its benchmark and its tests in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import numpy as np

from campaigns.records import Objective, Tier
from review.map import Mark, Picture
from review.web.assets import load_assets
from review.web.map_points import campaigns, points
from review.web.rendering import environment
from review.web.security import HEADERS

DAY: Final = date(2026, 1, 7)

Pages = Mapping[str, tuple[str, bytes]]
"""Media type and content by path."""


def picture(n_points: int, n_campaigns: int, seed: int = 7) -> Picture:
    """A day of `n_points`, of which each campaign has one; open ones lie in clumps, as texts of a genre do."""
    rng = np.random.default_rng(seed)
    clumps = rng.random((40, 2))
    places = clumps[rng.integers(0, len(clumps), n_points)] + rng.normal(0, 0.05, (n_points, 2))
    inside = np.arange(n_points) < n_campaigns
    n_prompts = np.where(inside, rng.integers(20, 400, n_points), rng.integers(1, 6, n_points))
    return Picture(
        day=DAY,
        run_id=f"{DAY}.1",
        x=places[:, 0].clip(0, 1),
        y=places[:, 1].clip(0, 1),
        radius=np.where(inside, 0.028 * np.sqrt(n_prompts / 400), 0.002),
        n_prompts=n_prompts,
        n_accounts=n_prompts // 4 + 1,
        campaign=np.where(inside, np.arange(n_points), -1).astype(np.int32),
        marks=tuple(mark(place, int(n_prompts[place])) for place in range(n_campaigns)),
        left_out=0,
    )


def mark(place: int, n_prompts: int, title: str = "") -> Mark:
    """A campaign whose tier and objective go round with its place."""
    return Mark(
        campaign_id=f"c-{place:04d}",
        title=title or f"Grading: Evaluate essay set {place}",
        tier=list(Tier)[place % 3],
        objective=list(Objective)[place % len(Objective)],
        score=round(1 / (1 + place), 3),
        n_prompts=n_prompts,
        n_accounts=n_prompts // 4 + 1,
        template=f"Evaluate essay {{text}} of set {place}.",
        reasons=(),
    )


def pages(shown: Picture, about: Mapping[str, Any] | None = None) -> dict[str, tuple[str, bytes]]:
    """Everything the page asks for, by path.

    Args:
        about: what is said of the campaigns; None: what is said of them without a store.
    """
    assets = load_assets()
    html = environment(assets).get_template("map.html").render(user=None, day=shown.day.isoformat())
    static = {asset.url: (asset.media_type, asset.body) for asset in assets.values()}
    address = f"/map/{shown.day}"
    return static | {
        address: ("text/html; charset=utf-8", html.encode()),
        f"{address}/points": ("application/octet-stream", points(shown)),
        f"{address}/campaigns": (
            "application/json",
            json.dumps(about or campaigns(shown, {}, {})).encode(),
        ),
    }


@contextmanager
def served(content: Pages) -> Iterator[str]:
    """Serve pages from 127.0.0.1 under the policy of the analyst's page; yields where they are."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, body = content.get(self.path, ("text/plain", b""))
            self.send_response(200 if self.path in content else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
