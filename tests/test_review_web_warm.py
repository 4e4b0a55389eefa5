"""Warming up reads what the first campaign's page needs, and is quiet where there is nothing to read."""

from __future__ import annotations

import shutil
from pathlib import Path

from web_examples import opened, page_example

from review.web.warm import warm_up


def test_the_tables_of_the_first_campaign_are_in_memory(tmp_path: Path) -> None:
    page_example(tmp_path)
    with opened(tmp_path) as page:
        assert page.desk.memory.nbytes == 0
        warm_up(page.app).join()
        assert page.desk.memory.nbytes > 0


def test_a_home_without_days_or_without_their_files_is_left_to_the_pages(tmp_path: Path) -> None:
    with opened(tmp_path / "empty") as page:
        warm_up(page.app).join()
        assert page.desk.memory.nbytes == 0
    page_example(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone" / "runs")
    with opened(tmp_path / "gone") as page:
        warm_up(page.app).join()
        assert page.client.get("/queue").status_code == 200
