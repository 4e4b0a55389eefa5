from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from run_examples import HOSTILE, publish_example
from store_examples import MONDAY, TUESDAY, WEDNESDAY
from web_examples import opened, words

from campaigns import files
from campaigns.records import QUARANTINE, Reason
from campaigns.runs import Run, open_run
from campaigns.sessions import Role
from campaigns.settings import ReviewSettings, Settings, changed
from review.run import Balance, read_run
from review.run_tables import RunTables
from review.soundness import HEALTH
from review.web.pages.runs import flow_link

THURSDAY = WEDNESDAY.replace(day=8)
FLOW_RUN = "0197a3c2-7d3e-7c11-8f0a-3c9d2b1e4f50"


def amend(run: Run, **changes: Any) -> None:
    """Let the manifest of a run say something else."""
    path = run.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Monday and Wednesday are published, the latter over a failed check; Thursday is held back."""
    publish_example(tmp_path, MONDAY, counts={"canary.exact": 0.5, "ingest.quarantined": 1})
    counts = {
        "canary.exact": 1.0,
        "canary.long": 0.25,
        "health.failed": "noise share",
        "health.accepted_by": "ada",
        "health.accepted_reason": f"looked {HOSTILE}",
    }
    publish_example(tmp_path, WEDNESDAY, counts=counts)
    stopped = open_run(tmp_path, THURSDAY, "f1")
    checks = [{"name": "empty output", "failed": True, "sentence": f"0 campaigns {HOSTILE}"}]
    (stopped.path / HEALTH).write_text(json.dumps(checks))
    return tmp_path


def test_days_stand_the_latest_first_with_what_lies_between(home: Path) -> None:
    with opened(home) as page:
        shown = words(page.text("/runs"))
    places = [
        shown.index(text)
        for text in ("Held back by the health gate", "over noise share", "1 day not published")
    ]
    assert places == sorted(places)
    assert shown.index(f"{TUESDAY} 1 day not published") < shown.index(f"{MONDAY} 9 1")
    assert "25 % least of 2" in shown
    assert f"shoal run --day {THURSDAY} --accept-health REASON" in shown


def test_what_the_gate_said_is_shown_and_escaped(home: Path) -> None:
    with opened(home) as page:
        html = page.text("/runs")
    assert "0 campaigns" in html
    assert "</script><!--" not in html
    assert "\x1b" not in html


def test_pages_of_runs_show_every_day_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.web.pages.runs.PAGE", 1)
    with opened(home) as page:
        first = words(page.text("/runs"))
        second = words(page.text(f"/runs?before={WEDNESDAY}"))
    assert f"{WEDNESDAY} 9" in first
    assert "Held back" in first
    assert f"{MONDAY} 9" not in first
    assert "Held back" not in second
    assert f"{TUESDAY} 1 day not published" in second
    assert f"{MONDAY} 9" in second


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with opened(tmp_path) as page:
        assert "shoal run --input PATH" in words(page.text("/runs"))


def test_a_day_whose_files_are_gone_says_so(home: Path) -> None:
    (home / "runs" / str(MONDAY) / "1" / "manifest.json").unlink()
    with opened(home) as page:
        assert "files are gone" in words(page.text("/runs"))
        answer = page.client.get(f"/runs/{MONDAY}")
    assert answer.status_code == 500
    assert "--force" in words(answer.text)


def test_rows_in_are_accepted_and_copies_and_quarantined(home: Path) -> None:
    with opened(home) as page:
        shown = words(page.text(f"/runs/{MONDAY}"))
    assert "9 rows in = 7 accepted, distinct texts + 1 copies + 1 quarantined" in shown
    assert "does not add up" not in shown


@pytest.mark.parametrize(("quarantined", "told"), [(0, "1 row lost"), (3, "2 rows too many")])
def test_rows_that_do_not_add_up_are_told(home: Path, quarantined: int, told: str) -> None:
    run = Run(home / "runs" / str(MONDAY) / "1", MONDAY, 1, "f1")
    stages = run.manifest()["stages"]
    next(stage for stage in stages if stage["name"] == "ingest")["counts"]["quarantined"] = quarantined
    amend(run, stages=stages)
    with opened(home) as page:
        assert told in words(page.text(f"/runs/{MONDAY}"))


def test_what_is_lost_is_what_is_in_and_nowhere_else() -> None:
    assert Balance(10, 5, 3, 2).lost == 0
    assert Balance(10, 5, 3, 1, other_days=1).lost == 1


def test_quarantine_shows_reasons_counts_and_some_rows_of_each(home: Path) -> None:
    run = Run(home / "runs" / str(MONDAY) / "1", MONDAY, 1, "f1")
    rows = [
        {
            "source": f"a{HOSTILE}.csv",
            "row": n,
            "reason": Reason.EMPTY.value,
            "detail": "",
            "account_id": f"acct-{n}",
        }
        for n in range(30)
    ]
    rows += [{"source": "b.csv", "row": 1_000, "reason": Reason.TOO_LONG.value, "detail": "2 MB"}]
    files.write_parquet(run.path / "quarantine.parquet", pa.Table.from_pylist(rows, QUARANTINE))
    stages = run.manifest()["stages"]
    counts = next(stage for stage in stages if stage["name"] == "ingest")["counts"]
    counts |= {
        "rows_in": 39,
        "quarantined": 31,
        f"quarantined: {Reason.EMPTY}": 30,
        f"quarantined: {Reason.TOO_LONG}": 1,
    }
    amend(run, stages=stages)
    report = read_run(RunTables(run))
    assert report.balance is not None
    assert sum(one.count for one in report.set_aside) == report.balance.quarantined
    assert [(one.reason, one.count, len(one.sample)) for one in report.set_aside] == [
        (Reason.EMPTY, 30, 10),
        (Reason.TOO_LONG, 1, 1),
    ]
    with opened(home) as page:
        html = page.text(f"/runs/{MONDAY}")
    assert 'id="quarantine"' in html
    assert f"{Reason.EMPTY} 30 rows" in words(html)
    assert "b.csv 1,000 2 MB" in words(html)
    assert "acct-9" in html
    assert "acct-10" not in html


def test_health_checks_canaries_and_floor_are_in_words(home: Path) -> None:
    run = Run(home / "runs" / str(WEDNESDAY) / "1", WEDNESDAY, 1, "f1")
    checks = [
        {"name": "noise share", "failed": True, "value": 0.5, "limit": 0.2, "sentence": f"50% {HOSTILE}"},
        {"name": "prompt drift", "failed": False, "value": None, "limit": None, "sentence": "too new"},
        {"name": "empty output", "failed": False, "value": 2.0, "limit": 1.0, "sentence": "2 found"},
    ]
    amend(
        run,
        health={"checks": checks, "accepted": {"by": "ada", "reason": "a holiday", "at": "2026-01-08"}},
        detection_floor={"sentence": "families of fewer than 3 accounts are not looked for"},
        canaries=[{"canary": "long", "n_prompts": 8, "found": 2, "recall": 0.25, "mixed": 1}],
    )
    with opened(home) as page:
        html = page.text(f"/runs/{WEDNESDAY}")
    shown = words(html)
    assert "noise share failed 50%" in shown
    assert "prompt drift not judged too new" in shown
    assert "empty output passed 2 found" in shown
    assert "Published although checks failed, by ada at 2026-01-08 : a holiday" in shown
    assert "families of fewer than 3 accounts are not looked for" in shown
    assert "long 2 of 8 25 %" in shown
    assert html.count('y="15.5"') == 1, "a quarter of the height, on the one day that it was planted"


def test_settings_that_differ_are_named_beside_their_defaults(home: Path) -> None:
    run = Run(home / "runs" / str(MONDAY) / "1", MONDAY, 1, "f1")
    noted = Settings().model_dump(mode="json", exclude={"home", "store_url", "secret_key", "input", "review"})
    amend(run, settings=noted)
    with opened(home) as page:
        assert "All settings that the run notes are the defaults" in words(page.text(f"/runs/{MONDAY}"))
        noted["family"]["min_prompts"] = 9
        noted["embedding"]["gone"] = "<b>"
        amend(run, settings=noted)
        shown = words(page.text(f"/runs/{MONDAY}"))
    assert "family.min_prompts 9 5" in shown
    assert "embedding.gone <b> –" in shown
    assert sorted(changed(noted)) == [("embedding.gone", "<b>", None), ("family.min_prompts", 9, 5)]


def test_a_second_pass_names_the_run_that_it_rests_on(tmp_path: Path) -> None:
    run = publish_example(tmp_path, counts={"first_pass.run_id": "2026-01-05.0"})
    amend(run, second_pass={"first_pass": "2026-01-05.0", "digest": "d", "accounts_chosen": 40})
    with opened(tmp_path) as page:
        shown = words(page.text(f"/runs/{MONDAY}"))
        assert "that run 2026-01-05.0 looked at. accounts chosen 40" in shown
        assert "second pass" in words(page.text("/runs"))


@pytest.mark.parametrize(
    ("url", "noted", "link"),
    [
        ("https://prefect.example/", FLOW_RUN, f"https://prefect.example/runs/flow-run/{FLOW_RUN}"),
        ("", FLOW_RUN, ""),
        ("https://prefect.example", "", ""),
        ("https://prefect.example", "x/../../y", ""),
    ],
)
def test_a_run_links_to_its_flow_run_where_the_settings_say_where(url: str, noted: str, link: str) -> None:
    assert flow_link(url, noted) == link
    assert not link or str(UUID(FLOW_RUN)) in link


def test_the_page_of_a_run_has_that_link(home: Path) -> None:
    run = Run(home / "runs" / str(MONDAY) / "1", MONDAY, 1, "f1")
    amend(run, flow_run_id=FLOW_RUN)
    with opened(home) as page:
        assert FLOW_RUN not in page.text(f"/runs/{MONDAY}")
    with opened(home, review=ReviewSettings(prefect_url="https://prefect.example")) as page:
        assert f'href="https://prefect.example/runs/flow-run/{FLOW_RUN}"' in page.text(f"/runs/{MONDAY}")


def test_a_day_that_is_not_published_is_told(home: Path) -> None:
    with opened(home, Role.VIEWER) as page:
        answer = page.client.get(f"/runs/{TUESDAY}")
        assert answer.status_code == 400
        assert "is not published" in words(answer.text)
        assert page.client.get("/runs/monday").status_code == 422
