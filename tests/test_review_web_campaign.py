"""The page of a campaign: what it says, whatever senders wrote, on whatever day, and for whom."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from page_reading import originals
from people_examples import SAID
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from sqlalchemy import text, update
from store_examples import MONDAY, NOON, TUESDAY
from web_examples import Opened, opened, signed_in, words

from benchmarks.review_run import Sizes, publish_day
from campaigns import files
from campaigns.entries import CampaignHistory, Event, LineageEntry, RelatedEntry, Said, Saying, Verdict
from campaigns.labels import relabel
from campaigns.records import PROMPTS, Objective
from campaigns.review_tables import AuditRow
from campaigns.sessions import Role
from review.campaign import read_report
from review.neighbours import neighbours
from review.web.lineage import lineage_lines
from review.web.pages.campaign import FIRST_ACCOUNTS, MORE_ACCOUNTS

PAGE = f"/campaigns/{GRADES}"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Two hostile campaigns; nothing is changed here."""
    home = tmp_path_factory.mktemp("example")
    publish_example(home)
    with opened(home, Role.ANALYST) as found:
        yield found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Four campaigns of some hundred accounts each."""
    home = tmp_path_factory.mktemp("large")
    publish_day(home, MONDAY, Sizes(campaigns=4, members=12_000))
    with opened(home, Role.ANALYST) as found:
        yield found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Opened]:
    publish_example(tmp_path)
    with opened(tmp_path, Role.ANALYST) as found:
        yield found


def sections(page: str) -> dict[str, str]:
    """By id."""
    parts = re.split(r'<section[^>]*\bid="(\w+)"', page)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# -- texts ---------------------------------------------------------------------------------------------


def test_an_example_can_be_read_back_to_the_last_character(example: Opened) -> None:
    shown = originals(sections(example.text(PAGE))["examples"], "original")
    assert shown == [f"Grade this essay: {HOSTILE}", "Grade this essay: the tide\nsecond line"]


@pytest.mark.parametrize("width", [1, 2, 700, 5_000])
def test_a_long_example_shows_its_beginning_and_holds_the_whole(own: Opened, width: int) -> None:
    prompt = ("word" + "\u202e" * width + "x" * 50) * 30
    rows = own.desk.tables(own.desk.published()).run.path / "prompts/part-0000.parquet"
    replace_prompt(rows, "p1", prompt)
    page = sections(own.text(PAGE))["examples"]
    assert originals(page, "whole") == [prompt]
    (beginning,) = originals(page, "beginning")
    assert beginning == prompt[:700] + "…"
    assert f"All {len(prompt):,} characters" in page


def replace_prompt(path: Path, prompt_id: str, prompt: str) -> None:
    rows = pq.read_table(path).to_pylist()
    rows = [row | ({"prompt": prompt} if row["prompt_id"] == prompt_id else {}) for row in rows]
    files.write_parquet(path, pa.Table.from_pylist(rows, PROMPTS))


def test_the_template_numbers_its_slots_and_shows_the_rest_as_it_is(example: Opened) -> None:
    (shown,) = originals(sections(example.text(PAGE))["template"], "template")
    assert shown == "Grade this essay: 1text"


def test_no_text_from_outside_becomes_an_element(example: Opened) -> None:
    page = example.text(PAGE)
    assert "</script><!--" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


# -- why -----------------------------------------------------------------------------------------------


def test_it_says_first_what_speaks_and_what_is_missing(example: Opened) -> None:
    why = sections(example.text(PAGE))["why"]
    told = words(why)
    assert told.index("1 independent group of facts about its accounts speaks") < told.index(
        "What is missing"
    )
    assert told.index("What is missing for actionable") < told.index("made together")
    assert "Because of" in told
    assert 'aria-label="Value 0.8. Controls from 0 to 0.2, median 0.1, 95 in 100 below 0.19."' in why
    assert "by chance 1 in 5,000" in told


def test_what_does_not_speak_and_what_was_not_tested_is_told_apart(example: Opened) -> None:
    told = words(sections(example.text(PAGE))["evidence"])
    assert "registration when the accounts were made made together 1 in 5,000 speaks" in told
    assert "timing when the accounts are there shared clock 40 in 100 does not speak" in told
    assert "graph where else the accounts meet nothing – not tested" in told
    assert (
        "What does not speak 1 signal shared clock" in told.replace(" · timing", "") or "shared clock" in told
    )
    assert "What was not tested speaks against nobody." in told
    assert re.search(r"Not tested synchrony *:", told)


def test_every_signal_stands_on_the_page_once(large: Opened) -> None:
    name = large.store.campaigns()[0].campaign_id
    page = large.text(f"/campaigns/{name}")
    tables = large.desk.tables(large.desk.published())
    for signal in read_report(tables, large.store.campaign(name)).sheet.signals:
        assert page.count(f"<small>{signal.name} · ") == 1


# -- accounts ------------------------------------------------------------------------------------------


def test_accounts_come_the_surest_first_and_the_rest_on_demand(large: Opened) -> None:
    name = max(large.store.campaigns(), key=lambda one: one.n_accounts).campaign_id
    tables = large.desk.tables(large.desk.published())
    accounts = read_report(tables, large.store.campaign(name)).accounts
    assert FIRST_ACCOUNTS < len(accounts) < FIRST_ACCOUNTS + MORE_ACCOUNTS
    page = sections(large.text(f"/campaigns/{name}"))["accounts"]
    assert f"Show all {len(accounts):,}" in page
    (more,) = re.findall(r'hx-get="(/campaigns/[^"]+/accounts[^"]+)"', page)
    rest = large.client.get(more.replace("&amp;", "&"), headers=FRAGMENT).text
    assert "hx-get" not in rest
    found = re.findall(r'href="/accounts/([^"]+)"', page + rest)
    assert [large.desk.links.account(one) for one in found] == [row["account_id"] for row in accounts]
    strengths = [row["strength"] for row in accounts]
    assert strengths == sorted(strengths, reverse=True)


def test_no_account_or_prompt_stands_in_an_address(example: Opened) -> None:
    page = example.text(PAGE)
    addresses = re.findall(r'(?:href|action|formaction|hx-\w+|src)="([^"]*)"', page)
    assert addresses
    # References to accounts are random letters, and may spell anything.
    told = [re.sub(r"^/accounts/[\w-]+", "/accounts/", one) for one in addresses]
    assert not [one for one in told if "acct-" in one or "p1" in one or "essay" in one]


# -- days, ids, files ----------------------------------------------------------------------------------


def test_a_day_on_which_it_was_not_seen_is_answered_with_its_days(example: Opened) -> None:
    answer = example.client.get(f"{PAGE}?day={TUESDAY}")
    assert answer.status_code == 404
    assert f"{GRADES} was not seen on {TUESDAY}" in words(answer.text)
    assert f'href="{PAGE}?day={MONDAY}"' in answer.text


def test_an_unknown_id_is_answered_in_words(example: Opened) -> None:
    answer = example.client.get("/campaigns/c-nobody")
    assert answer.status_code == 404
    assert "There is no campaign c-nobody." in words(answer.text)


@pytest.mark.parametrize("part", ["decision", "head", "lineage", "accounts", "neighbours", "hours"])
def test_parts_of_an_unknown_campaign_are_not_found(example: Opened, part: str) -> None:
    assert example.client.get(f"/campaigns/c-nobody/{part}", headers=FRAGMENT).status_code == 404


def test_where_the_files_are_gone_it_tells_what_the_store_knows(own: Opened) -> None:
    shutil.rmtree(own.desk.settings.home / "runs")
    told = words(own.text(PAGE))
    assert f"the files of the run of {MONDAY} are gone" in told
    assert "Nobody has decided." in told
    assert "new : new" in told  # the lineage
    assert own.client.get(f"{PAGE}/neighbours", headers=FRAGMENT).status_code == 500


def test_an_earlier_day_is_marked_as_such(own: Opened) -> None:
    publish_example(own.desk.settings.home, TUESDAY)
    assert "Decisions are about its latest day" in words(own.text(f"{PAGE}?day={MONDAY}"))
    latest = words(own.text(PAGE))
    assert "Decisions are about its latest day" not in latest
    assert f"{MONDAY} to {TUESDAY}, 2 days" in latest


def test_lineage_runs_days_together_and_says_what_became_of_others() -> None:
    def event(day: int, event: Event, reason: str, other_id: str | None = None) -> LineageEntry:
        return LineageEntry(
            day=MONDAY + timedelta(day), event=event, reason=reason, figures={}, other_id=other_id
        )

    said = Said(
        said_at=NOON.replace(day=8),
        saying=Saying.ONE,
        campaign_id="c2",
        other_id="c1",
        reason="one pool",
        author="ada",
    )
    history = CampaignHistory(
        campaign_id="c1", first_day=MONDAY, last_day=MONDAY + timedelta(4), state="open", days=(),
        lineage=(event(0, Event.MINTED, "first"), *(event(day, Event.KEPT, f"kept {day}") for day in (1, 2, 4))),
        related=(RelatedEntry(
            campaign_id="c2", day=MONDAY + timedelta(3), event=Event.MERGED, reason="said so", figures={}, other_id="c1"
        ),),
        said=(said,),
    )  # fmt: skip
    told = [
        (line.first.day, line.last.day, line.what, line.reason, line.other_id)
        for line in lineage_lines(history)
    ]
    assert told == [
        (5, 5, "new", "first", None),
        (6, 7, "kept its id", "kept 2", None),
        (8, 8, "ada said that c2 is c1 gone on", "one pool", "c2"),
        (8, 8, "took another in", "said so", "c2"),
        (9, 9, "kept its id", "kept 4", None),
    ]


# -- people --------------------------------------------------------------------------------------------


def test_the_decision_that_stands_is_told_with_who_and_why(own: Opened) -> None:
    own.store.decide(GRADES, Verdict.DISMISSED, reason=f"a course {HOSTILE}", author="grace <b>")
    part = own.client.get(f"{PAGE}/decision", headers=FRAGMENT).text
    assert "Dismissed by grace <b>" in words(part)
    assert "<b>" not in part.replace("<bdi>", "")
    assert re.search(r'hx-post="/decisions/\d+/undo"', part)


def test_a_persons_title_stands_first_and_the_machines_beside_it(own: Opened) -> None:
    with own.store.writing() as session:
        relabel(session, GRADES, title="Essay mill", objective=Objective.CODE, **SAID)
    head = words(own.client.get(f"{PAGE}/head?day={MONDAY}", headers=FRAGMENT).text)
    assert head.startswith("Essay mill Called so by ada")
    assert "Found as: Grading:" in head
    assert "code by a person" in head
    assert "Found to be after: grading and reward data." in head
    assert "<title>Essay mill" in own.text(PAGE)


@pytest.mark.parametrize(("role", "sees"), [(Role.VIEWER, False), (Role.ANALYST, True), (Role.ADMIN, True)])
def test_only_who_may_change_something_is_offered_to(example: Opened, role: Role, sees: bool) -> None:
    page = signed_in(example.app, example.store, role).get(PAGE).text
    keys = set(re.findall(r'data-key="(\w)"', page))
    assert keys == (set("adwrmscn") if sees else set("cn"))
    assert ("formaction" in page) == sees


def test_the_trail_tells_who_did_what_and_that_the_log_is_whole(own: Opened) -> None:
    own.store.decide(GRADES, Verdict.WATCH, reason=f"odd {HOSTILE}", author="grace")
    own.store.decide(LEDGER, Verdict.WATCH, reason="another", author="linus")
    trail = words(own.client.get(f"{PAGE}/trail", headers=FRAGMENT).text)
    assert "The log is whole." in trail
    assert "grace decided" in trail
    assert "linus" not in trail


def test_the_trail_tells_of_a_log_that_was_written_over(own: Opened) -> None:
    own.store.decide(GRADES, Verdict.WATCH, reason="odd", author="grace")
    with own.store.writing() as session:
        for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f'DROP TRIGGER "{name}"'))
        session.execute(update(AuditRow).where(AuditRow.actor == "grace").values(actor="mallory"))
    assert "The log was tampered with." in words(own.client.get(f"{PAGE}/trail", headers=FRAGMENT).text)


def test_what_comes_later_can_be_fetched(example: Opened, large: Opened) -> None:
    for desk in (example, large):
        name = desk.store.campaigns()[0].campaign_id
        page = desk.text(f"/campaigns/{name}")
        later = re.findall(r'hx-get="([^"]+)" hx-trigger="(?:intersect|revealed)', page)
        assert len(later) == 3
        for address in later:
            assert desk.client.get(address.replace("&amp;", "&"), headers=FRAGMENT).status_code == 200


def test_neighbours_are_named_with_what_makes_them_near_and_can_be_compared(large: Opened) -> None:
    name = large.store.campaigns()[0].campaign_id
    part = large.client.get(f"/campaigns/{name}/neighbours", headers=FRAGMENT).text
    expected = neighbours(large.desk.tables(large.desk.published()), name)
    assert expected
    assert re.findall(r"right=(c-\w+)", part) == [one.campaign_id for one in expected]
    assert all(one.why in words(part) for one in expected)
