"""Twenty analysts decide while nights are published: nothing fails, nothing is lost, the audit log holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.review_load import FIRST, run_load
from benchmarks.review_run import Sizes, publish_day
from campaigns.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_decisions_of_twenty_analysts_survive_the_nights(tmp_path: Path) -> None:
    home = tmp_path / "home"
    publish_day(home, FIRST, Sizes(campaigns=150, members=6_000))
    seen, nights = run_load(home, analysts=20, seconds=6.0, every=0.5, pace=1.0, nights=3)
    assert nights >= 3
    assert seen.troubles == []
    assert {status for status in seen.statuses if status >= 500} == set()
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store:
        decisions = store.decisions()
        assert store.verify() == []
    kept = Counter(one.campaign_id for one in decisions if one.undoes is None)
    assert kept == Counter(seen.decided)
    assert sum(one.undoes is not None for one in decisions) == seen.undone
    assert len(seen.decided) >= 20
