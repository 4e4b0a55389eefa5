"""What the first visitor would wait for is read before they come: libraries, thread pools, tables of the latest day."""

from __future__ import annotations

import contextlib
import threading

from fastapi import FastAPI

from campaigns.errors import ShoalError
from campaigns.queue import EVERYTHING, select_queue
from review.campaign import read_report
from review.neighbours import neighbours
from review.web.desk import Desk


def warm_up(app: FastAPI) -> threading.Thread:
    """Read, in the background, what the page of the first campaign needs."""
    thread = threading.Thread(target=_read, args=(app.state.desk,), name="warm-up", daemon=True)
    thread.start()
    return thread


def _read(desk: Desk) -> None:
    with contextlib.suppress(ShoalError):  # whoever opens the page is told
        with desk.store.reading() as session:
            rows = select_queue(session, EVERYTHING, limit=1).rows
        for row in rows:
            tables = desk.tables(desk.published(row.last_day))
            read_report(tables, desk.store.campaign(row.campaign_id))
            neighbours(tables, row.campaign_id)
