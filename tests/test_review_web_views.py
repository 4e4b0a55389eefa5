"""Saved views of the queue: a permanent address for filters and words, which the address does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_examples import examples, publish_queue
from starlette.testclient import TestClient
from store_examples import TUESDAY
from web_examples import Opened, opened, signed_in, words

from campaigns.audit import Action, select_audit
from campaigns.records import Tier
from campaigns.sessions import Role
from campaigns.settings import Settings
from campaigns.store import Store
from campaigns.views import save_view

FRAGMENT = {"HX-Request": "true"}
ALL = examples(12)
LAMPS = [one for one in ALL if "lamps" in one.title]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Opened]:
    with Store.open(Settings(home=tmp_path)) as store:
        publish_queue(tmp_path, store, ALL)
    with opened(tmp_path, Role.ANALYST) as desk:
        yield desk


def listed(html: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', html)


def saved(client: TestClient, name: str, **asked: str) -> str:
    """The address of the view that was saved."""
    answer = client.post("/queue/views", data={"name": name, **asked}, headers=FRAGMENT)
    assert answer.status_code == 204
    return answer.headers["HX-Redirect"]


def test_a_view_keeps_filters_words_and_order(desk: Opened) -> None:
    address = saved(desk.client, "Lamps", tier="all", words="lamps", sort="title", order="up")
    page = desk.text(address)
    assert listed(page) == [one.campaign_id for one in sorted(LAMPS, key=lambda one: one.title)]
    assert 'value="lamps"' in page
    assert "lamps" not in address
    assert re.search(r'<a href="/queue\?view=\d+" aria-current="page"', page)


def test_who_chooses_the_same_by_hand_is_in_the_view(desk: Opened) -> None:
    address = saved(desk.client, "Lamps", tier="all", words="lamps")
    headers = {**FRAGMENT, "HX-Current-URL": "http://127.0.0.1:8420/queue"}
    answer = desk.client.post("/queue/search", data={"tier": "all", "words": " lamps "}, headers=headers)
    assert answer.headers["HX-Push-Url"] == address


def test_the_latest_day_of_a_view_is_the_day_that_is_the_latest(desk: Opened) -> None:
    address = saved(desk.client, "Fresh", tier="all", latest="1")
    assert len(listed(desk.text(address))) == len(ALL)
    publish_queue(desk.desk.settings.home, desk.store, ALL[:3], TUESDAY)
    assert listed(desk.text(address)) == [one.campaign_id for one in ALL[:3]]


def test_chosen_campaigns_can_be_a_view(desk: Opened) -> None:
    address = saved(desk.client, "These", on="c-0002,c-0005")
    assert listed(desk.text(address)) == ["c-0002", "c-0005"]


def test_a_view_is_its_owners_unless_shared(desk: Opened) -> None:
    own, shared = saved(desk.client, "Mine"), saved(desk.client, "Ours", tier="benign", shared="1")
    bob = signed_in(desk.app, desk.store, Role.VIEWER, user="bob")
    assert bob.get(own).status_code == 404
    page = bob.get(shared)
    assert listed(page.text) == [one.campaign_id for one in ALL if one.tier == Tier.BENIGN]
    assert "Ours" in words(page.text)
    assert "Mine" not in words(page.text)
    assert "/remove" not in page.text


def test_a_view_of_the_same_name_is_replaced(desk: Opened) -> None:
    first, second = saved(desk.client, "Mine", tier="all"), saved(desk.client, "Mine", tier="benign")
    assert first == second
    assert len(listed(desk.text(first))) == 4


def test_only_the_owner_removes_a_view(desk: Opened) -> None:
    address = saved(desk.client, "Ours", tier="benign", shared="1")
    number = address.partition("=")[2]
    bob = signed_in(desk.app, desk.store, Role.ADMIN, user="bob")
    assert bob.post(f"/queue/views/{number}/remove", headers=FRAGMENT).status_code == 400
    assert f"/queue/views/{number}/remove" in desk.text(address)
    answer = desk.client.post(f"/queue/views/{number}/remove", headers=FRAGMENT)
    assert answer.headers["HX-Redirect"] == "/queue"
    assert desk.client.get(address).status_code == 404


def test_a_view_needs_a_name_of_some_length(desk: Opened) -> None:
    for name in ("", "   ", "n" * 61):
        answer = desk.client.post("/queue/views", data={"name": name}, headers=FRAGMENT)
        assert answer.status_code == 400


def test_who_may_only_read_saves_and_removes_nothing(desk: Opened) -> None:
    number = saved(desk.client, "Ours", shared="1").partition("=")[2]
    eve = signed_in(desk.app, desk.store, Role.VIEWER, user="eve")
    assert eve.post("/queue/views", data={"name": "Mine"}).status_code == 403
    assert eve.post(f"/queue/views/{number}/remove").status_code == 403


def test_a_view_that_cannot_be_read_hides_no_queue(desk: Opened) -> None:
    with desk.store.writing() as session:
        made = save_view(session, owner="ada", name="Old", query={"tiers": ["gone"]})
    assert len(listed(desk.text("/queue"))) == 8
    answer = desk.client.get(f"/queue?view={made.id}")
    assert answer.status_code == 400
    assert "a filter cannot be read" in words(answer.text)


def test_the_audit_log_names_the_view_and_not_its_words(desk: Opened) -> None:
    saved(desk.client, "Lamps", words="lamps")
    with desk.store.reading() as session:
        rows = [row for row in select_audit(session) if row.action == Action.VIEW_SAVED]
    assert [row.details for row in rows] == [{"name": "Lamps", "shared": False}]
