"""The queue against an oracle: who passes a filter, in which order, and that no address tells what was sought."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from queue_examples import Example, examples, exemplar, publish_queue
from store_examples import TUESDAY
from web_examples import Opened, opened, page_example, words

from campaigns.entries import Verdict
from campaigns.queue import PAGE
from campaigns.records import Objective, Tier
from campaigns.sessions import Role
from campaigns.settings import Settings
from campaigns.store import Store

FRAGMENT = {"HX-Request": "true"}
ALL = examples(24)
ON_TUESDAY = ALL[::2]
CONFIRMED, WATCHED = ALL[0], ALL[4]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All campaigns on Monday, every other one on Tuesday as well; two are decided."""
    home = tmp_path_factory.mktemp("home")
    with Store.open(Settings(home=home)) as store:
        publish_queue(home, store, ALL)
        publish_queue(home, store, ON_TUESDAY, TUESDAY)
        for one, verdict in ((CONFIRMED, Verdict.CONFIRMED), (WATCHED, Verdict.WATCH)):
            store.decide(one.campaign_id, verdict, reason="seen", author="ada")
    return home


@pytest.fixture
def desk(home: Path) -> Iterator[Opened]:
    with opened(home) as desk:
        yield desk


def listed(html: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', html)


def passing(
    keep: Callable[[Example], bool],
    key: Callable[[Example], float | str] = lambda one: one.score,
    *,
    down: bool = True,
) -> list[str]:
    """The oracle: ids in the order of `key`, ties by id."""
    found = sorted((one for one in ALL if keep(one)), key=lambda one: one.campaign_id)
    return [one.campaign_id for one in sorted(found, key=key, reverse=down)]


def suspected(one: Example) -> bool:
    return one.tier != Tier.BENIGN


def undecided(one: Example) -> bool:
    return one not in (CONFIRMED, WATCHED)


def waits(one: Example) -> bool:
    return suspected(one) and undecided(one)


FILTERS: dict[str, list[str]] = {
    "": passing(waits),
    "tier=benign": passing(lambda one: one.tier == Tier.BENIGN and undecided(one)),
    "tier=all": passing(undecided),
    "decision=confirmed": passing(lambda one: one == CONFIRMED),
    "decision=watch&tier=all": passing(lambda one: one == WATCHED),
    "decision=all": passing(suspected),
    "decision=proposed": [],
    "state=dormant": [],
    "objective=code": passing(lambda one: waits(one) and one.objective == Objective.CODE),
    "operator=o-2&tier=all": passing(lambda one: undecided(one) and one.operator_id == "o-2"),
    "latest=1": passing(lambda one: waits(one) and one in ON_TUESDAY),
    "sort=prompts": passing(waits, lambda one: one.n_prompts),
    "sort=prompts&tier=all&decision=all&objective=code": passing(
        lambda one: one.objective == Objective.CODE, lambda one: one.n_prompts
    ),
    "sort=title&order=up": passing(waits, lambda one: one.title, down=False),
    "on=c-0003,c-0000&on=c-0005": ["c-0000", "c-0003", "c-0005"],
    "on=c-0003,c-0000&decision=undecided": ["c-0003"],
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_filter_lets_pass_what_an_oracle_does(desk: Opened, query: str) -> None:
    page = desk.text(f"/queue?{query}")
    assert listed(page) == FILTERS[query]
    total = len(FILTERS[query])
    assert f"{total} campaign{'' if total == 1 else 's'}" in words(page)


def test_the_front_door_is_the_queue(desk: Opened) -> None:
    answer = desk.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")


def test_what_no_filter_knows_is_refused(desk: Opened) -> None:
    for query in ("tier=worst", "sort=luck", "page=0", "page=x", "on=" + "c," * 300):
        assert desk.client.get(f"/queue?{query}").status_code == 422


@pytest.mark.parametrize("sought", ["lamps", "GRADING 1", "c-0007", "by {name}", "100%_sure"])
def test_words_are_sought_in_titles_templates_and_ids_together_with_filters(
    desk: Opened, sought: str
) -> None:
    def has(one: Example) -> bool:
        texts = (one.title.lower(), one.template.lower(), one.campaign_id)
        return all(any(word in text for text in texts) for word in sought.lower().split())

    for tier, keep in (("", waits), ("benign", lambda one: not suspected(one) and undecided(one))):
        answer = desk.client.post("/queue/search", data={"words": sought, "tier": tier}, headers=FRAGMENT)
        assert listed(answer.text) == passing(lambda one, keep=keep: has(one) and keep(one))  # type: ignore[misc]


def test_words_that_are_sought_reach_no_address(desk: Opened) -> None:
    headers = {**FRAGMENT, "HX-Current-URL": "http://127.0.0.1:8420/queue"}
    data = {"words": "lamps", "tier": "all", "sort": "title"}
    answer = desk.client.post("/queue/search", data=data, headers=headers)
    pushed = urlsplit(answer.headers["HX-Push-Url"])
    assert pushed.path == "/queue"
    assert parse_qs(pushed.query) == {"tier": ["all"], "sort": ["title"]}
    assert not re.findall(r'(?:href|hx-\w+)="[^"]*lamps', answer.text)


def test_words_in_an_address_are_not_taken(desk: Opened) -> None:
    page = desk.text("/queue?words=lamps")
    assert listed(page) == passing(waits)
    assert 'value="lamps"' not in page


def test_an_address_that_is_the_same_is_not_pushed_again(desk: Opened) -> None:
    headers = {**FRAGMENT, "HX-Current-URL": "http://127.0.0.1:8420/queue?tier=all"}
    answer = desk.client.post("/queue/search", data={"tier": "all"}, headers=headers)
    assert "HX-Push-Url" not in answer.headers


def test_a_row_tells_what_the_latest_day_shows(desk: Opened) -> None:
    page = desk.text("/queue?on=c-0001,c-0004")
    head, first, second = re.split(r"<tr data-id", page)
    assert 'href="/campaigns/c-0001"' in first
    assert 'href="/operators/o-1"' in first
    shown = words("<tr" + first)
    for text in ("review", "0.98", "Grading 1: essays about lamps", "7 accounts", "27 prompts", "2026-01-05"):
        assert text in shown
    assert "Grade essay 1 about" in shown
    assert first.count('class="slot"') == 2
    assert first.count("<rect") == 3  # the score and its rail, and the one day of two
    assert second.count("<rect") == 4
    assert "watch" in words("<tr" + second)
    assert head


def test_pages_part_a_long_list_without_a_gap(tmp_path: Path) -> None:
    many = examples(2 * PAGE + 3, tiers=(Tier.REVIEW,))
    with Store.open(Settings(home=tmp_path)) as store:
        publish_queue(tmp_path, store, many)
    with opened(tmp_path) as desk:
        found = [listed(desk.text(f"/queue?page={number}")) for number in (1, 2, 3)]
        assert [len(part) for part in found] == [PAGE, PAGE, 3]
        assert [name for part in found for name in part] == [one.campaign_id for one in many]
        assert listed(desk.text("/queue?page=99")) == found[-1]
        everything = re.search(r'data-everything="([^"]*)"', desk.text("/queue"))
        assert everything is not None
        assert everything[1].split() == [one.campaign_id for one in many]
        assert "data-everything" not in desk.text("/queue?on=c-0001")


def test_an_empty_list_says_what_to_do(tmp_path: Path, desk: Opened) -> None:
    with opened(tmp_path / "new") as fresh:
        assert "No day is published yet" in words(fresh.text("/queue"))
    assert "No campaign passes" in words(desk.text("/queue?state=retired"))
    one = examples(1, tiers=(Tier.REVIEW,))
    with Store.open(Settings(home=tmp_path)) as store:
        publish_queue(tmp_path, store, one)
        store.decide(one[0].campaign_id, Verdict.WATCH, reason="seen", author="ada")
    with opened(tmp_path) as done:
        assert "Nothing waits for you" in words(done.text("/queue"))


def test_a_glance_tells_what_speaks_and_shows_the_template_and_a_prompt(desk: Opened) -> None:
    answer = desk.client.get("/campaigns/c-0001/glance", headers=FRAGMENT)
    shown = words(answer.text)
    assert "6 of 6 accounts were made within 24 hours" in shown
    assert "by chance 1 in 5,000" in shown
    assert "As others" not in shown  # does not speak
    assert exemplar(ALL[1]) in shown
    assert answer.text.count('class="slot"') == 2
    assert "seen" in words(desk.client.get("/campaigns/c-0004/glance", headers=FRAGMENT).text)


def test_a_glance_at_nobody_is_not_found(desk: Opened) -> None:
    assert desk.client.get("/campaigns/c-none/glance", headers=FRAGMENT).status_code == 404


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    page_example(tmp_path)
    with opened(tmp_path) as desk:
        for address in ("/queue?tier=all", "/campaigns/c-aaaa1111/glance"):
            page = desk.text(address)
            assert "</script><!--" not in page
            assert "&lt;/script&gt;&lt;!--" in page
            assert "\u202e" not in page
            assert "RLO" in page


def test_the_next_campaign_is_the_one_behind_and_after_the_last_the_first(desk: Opened) -> None:
    waiting = passing(waits)
    after = {name: desk.client.get(f"/queue/next?after={name}").headers["location"] for name in waiting}
    assert after == {
        name: f"/campaigns/{following}"
        for name, following in zip(waiting, [*waiting[1:], waiting[0]], strict=True)
    }
    assert desk.client.get("/queue/next").headers["location"] == f"/campaigns/{waiting[0]}"
    decided = desk.client.get(f"/queue/next?after={WATCHED.campaign_id}").headers["location"]
    assert decided == f"/campaigns/{next(name for name in waiting if name > WATCHED.campaign_id)}"


def test_where_nothing_waits_the_next_is_the_queue(tmp_path: Path) -> None:
    with opened(tmp_path) as desk:
        assert desk.client.get("/queue/next?after=c-0001").headers["location"] == "/queue"


def test_who_may_only_read_is_offered_nothing_else(home: Path) -> None:
    with opened(home, Role.VIEWER) as desk:
        page = desk.text("/queue")
        assert listed(page) == passing(waits)
        for offer in ("data-verdict", 'type="checkbox" value="c-', 'id="bulk"', "/queue/views"):
            assert offer not in page
        assert "data-verdict" not in desk.client.get("/campaigns/c-0001/glance", headers=FRAGMENT).text
