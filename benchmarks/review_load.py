"""Analysts who click while nights are published: what their clicks cost, and whether anything they decided is lost.

A server in a process of its own, as `shoal review` runs it; a process that publishes one day after another; and
analysts, each a thread with a session, who look at the queue, glance at a campaign, open the dialog, decide, and now
and then take it back.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import uvicorn

from benchmarks.results import Figure, Result
from benchmarks.review_run import Sizes, publish_day
from campaigns.entries import CampaignRecord, Lineage, PublishedRun, WordingRecord
from campaigns.entries import Event as Happened
from campaigns.locks import held
from campaigns.publish import publish
from campaigns.queue import PAGE
from campaigns.records import Objective, Tier
from campaigns.sessions import Lifetimes, Role, sign_in
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store
from review.web.app import create_app
from review.web.sign_in.sessions import COOKIE

ANALYSTS, SECONDS, NIGHTS_EVERY, PACE = 20, 60.0, 6.0, 12.0
"""Seconds between two publications, and those that an analyst takes for a campaign: fifty in ten minutes."""
UNDOING: Final = 0.2
PATIENCE: Final = 90.0
"""Seconds beyond the time that nights are waited for."""
CLICKS: Final = 4
FIRST: Final = date(2026, 1, 5)
_ROW: Final = re.compile(r'data-id="(c-[0-9a-f]+)"')
_FIELD: Final = re.compile(r'name="(verdict|n_accounts|target|until)" value="([^"]*)"')


@dataclass(slots=True)
class Seen:
    """What analysts met: seconds of each kind of request, answers by status, and what was decided and taken back."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    decided: list[str] = field(default_factory=list)
    undone: int = 0
    troubles: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, seconds: float, status: int) -> None:
        with self.lock:
            self.seconds.setdefault(kind, []).append(seconds)
            self.statuses[status] += 1


def review_load(
    campaigns: int,
    folder: Path,
    *,
    analysts: int = ANALYSTS,
    seconds: float = SECONDS,
    pace: float = PACE,
    members: int = 200_000,
) -> Result:
    """Load for so many seconds; lost decisions and errors are counted, waits are percentiles."""
    home = folder / "home"
    publish_day(home, FIRST, Sizes(campaigns, members))
    seen, nights = run_load(home, analysts, seconds, pace=pace)
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store:
        kept = Counter(one.campaign_id for one in store.decisions() if one.undoes is None)
        undone = sum(one.undoes is not None for one in store.decisions())
        broken = len(store.verify())
    lost = sum((Counter(seen.decided) - kept).values()) + max(seen.undone - undone, 0)
    writes = seen.seconds.get("decide", []) + seen.seconds.get("undo", [])
    errors = sum(count for status, count in seen.statuses.items() if status >= 500) + len(seen.troubles)
    rows: list[tuple[str | int | float, ...]] = [
        (kind, len(took), *(1e3 * float(np.percentile(took, share)) for share in (50, 95, 99, 100)))
        for kind, took in sorted(seen.seconds.items())
    ]
    return Result(
        f"{analysts} analysts, {campaigns:,} campaigns, {nights} nights published in {seconds:.0f} s",
        (
            Figure("decisions kept", float(len(seen.decided) - lost), ""),
            Figure("decisions lost", float(lost), ""),
            Figure("errors", float(errors), ""),
            Figure("problems of the store", float(broken), ""),
            Figure("write, 99 of 100 within", 1e3 * float(np.percentile(writes, 99)), "ms"),
        ),
        ("click", "times", "median ms", "95 %", "99 %", "most"),
        tuple(rows),
    )


def run_load(
    home: Path,
    analysts: int,
    seconds: float,
    *,
    every: float = NIGHTS_EVERY,
    pace: float = PACE,
    nights: int = 0,
) -> tuple[Seen, int]:
    """(what the analysts met, how many nights were published).

    Args:
        nights: publications to wait for, beyond the time if need be.
    """
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store:
        tokens = [_token(store, f"analyst {number}") for number in range(analysts)]
        pages = max(len(store.campaigns(tier=Tier.REVIEW)) // PAGE, 1)
    seen, over = Seen(), threading.Event()
    context = multiprocessing.get_context("spawn")
    with _server(home) as origin:
        stop = context.Event()
        night = context.Process(target=_nights, args=(home, stop, every))
        threads = [
            threading.Thread(target=_analyst, args=(origin, token, number, pages, pace, over, seen))
            for number, token in enumerate(tokens)
        ]
        night.start()
        for thread in threads:
            thread.start()
        published = _wait_for_nights(home, seconds, nights)
        over.set()
        for thread in threads:
            thread.join()
        stop.set()
        night.join()
    return seen, published


def _wait_for_nights(home: Path, seconds: float, nights: int) -> int:
    """Until the time is over and so many nights are published, however slow the machine is; how many are."""
    began = time.monotonic()
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store:
        while True:
            time.sleep(0.2)
            published, lasted = len(store.published_days()) - 1, time.monotonic() - began
            if lasted >= seconds and (published >= nights or lasted > seconds + PATIENCE):
                return published


# -- processes -----------------------------------------------------------------------------------------


@contextmanager
def _server(home: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(home, port))
    process.start()
    origin = f"http://127.0.0.1:{port}"
    try:
        _wait(origin, process)
        yield origin
    finally:
        process.terminate()
        process.join()


def _wait(origin: str, process: multiprocessing.process.BaseProcess) -> None:
    for _ in range(600):
        try:
            httpx.get(f"{origin}/sign-in", timeout=5)
        except httpx.TransportError:
            if not process.is_alive():
                raise RuntimeError("the server did not start") from None
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server does not answer")


def _serve(home: Path, port: int) -> None:
    settings = Settings(home=home, review=ReviewSettings(port=port, second_person_accounts=0))
    with Store.open(settings) as store:
        uvicorn.run(create_app(settings, store), port=port, log_level="error", access_log=False)


def _nights(home: Path, stop: Event, every: float) -> None:
    """Publish day after day, each with every campaign, as nightly runs do; their files are those of the first."""
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store:
        (entry,) = [store.current_run(day) for day in store.published_days()]
        assert entry is not None  # noqa: S101  -- it was published just before
        records = [_record(one.campaign_id, one.template) for one in store.campaigns()]
        number = 0
        while not stop.wait(every):
            number += 1
            day = entry.day + timedelta(days=number)
            place = home / "runs" / day.isoformat()
            place.mkdir(parents=True, exist_ok=True)
            (place / "1").symlink_to((home / entry.path).resolve())
            run = PublishedRun(
                run_id=f"{day}.1",
                day=day,
                attempt=1,
                fingerprint=entry.fingerprint,
                digest=f"{entry.digest}{number}",
                path=f"runs/{day}/1",
                counts={},
            )
            with held(store, day, lease_seconds=60) as lock:
                publish(store, lock, run, records)


def _record(name: str, template: str) -> CampaignRecord:
    wording = WordingRecord(
        variant=0, features=np.arange(60, dtype=np.uint64), weights=np.ones(60, np.float32)
    )
    return CampaignRecord(
        campaign_id=name,
        n_prompts=100,
        n_accounts=25,
        tier=Tier.REVIEW,
        score=0.5,
        title="Campaign",
        objective=Objective.UNCLEAR,
        template=template,
        wordings=(wording,),
        lineage=(Lineage(event=Happened.KEPT, reason="kept", figures={"overlap": 1.0}),),
    )


# -- analysts ------------------------------------------------------------------------------------------


def _token(store: Store, user: str) -> str:
    day = timedelta(days=1)
    with store.writing() as session:
        return sign_in(session, user=user, role=Role.ANALYST, method="local", lifetimes=Lifetimes(day, day))


def _analyst(
    origin: str, token: str, number: int, pages: int, pace: float, over: threading.Event, seen: Seen
) -> None:
    headers = {"Cookie": f"{COOKIE}={token}", "Sec-Fetch-Site": "same-origin", "Origin": origin}
    rng = np.random.default_rng(number)
    with httpx.Client(base_url=origin, headers=headers, timeout=60) as client:
        while not over.is_set():
            try:
                _work(client, 1 + int(rng.integers(pages)), rng, seen, pace)
            except httpx.TransportError as error:
                seen.troubles.append(repr(error))


def _work(client: httpx.Client, at: int, rng: np.random.Generator, seen: Seen, pace: float) -> None:
    """One campaign, as a person does it; a page of the queue is `at`."""

    def think() -> None:
        time.sleep(2 * pace / CLICKS * rng.random())

    listed = _asked(client, "queue", seen, "GET", f"/queue?decision=all&page={at}").text
    names = _ROW.findall(listed)
    if not names:
        seen.troubles.append("an empty queue")
        return
    think()
    name = str(rng.choice(names))
    _asked(client, "glance", seen, "GET", f"/campaigns/{name}/glance")
    think()
    verdict = str(rng.choice(["confirmed", "dismissed", "watch"]))
    dialog = _asked(client, "dialog", seen, "GET", f"/decisions/new?verdict={verdict}&on={name}").text
    think()
    fields = {**dict(_FIELD.findall(dialog)), "reason": "seen before"}
    answer = _asked(client, "decide", seen, "POST", "/decisions", fields)
    if answer.status_code != 200:
        return  # another run was published meanwhile, and the page says so
    with seen.lock:
        seen.decided.append(name)
    think()
    undo = json.loads(answer.headers["HX-Trigger"])["decided"]["undo"]
    if rng.random() < UNDOING:
        taken_back = _asked(client, "undo", seen, "POST", undo["path"], undo["values"])
        with seen.lock:
            seen.undone += taken_back.status_code == 200


def _asked(
    client: httpx.Client, kind: str, seen: Seen, method: str, path: str, fields: dict[str, str] | None = None
) -> httpx.Response:
    started = time.perf_counter()
    answer = client.request(method, path, data=fields, headers={"HX-Request": "true"})
    seen.note(kind, time.perf_counter() - started, answer.status_code)
    return answer
