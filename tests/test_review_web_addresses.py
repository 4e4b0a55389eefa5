"""What must never stand in an address, whatever page it is of: ids of accounts and prompts, and what was sent."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final

import pytest
from run_examples import HOSTILE, publish_example
from store_examples import MONDAY
from web_examples import Opened, opened

from campaigns.entries import AllowKind, Verdict
from campaigns.sessions import Role

OPERATOR: Final = "o-aaaa1111"
PLANTED: Final = ("acct-", "essay", "tide", "lamp", "org-secret")
"""Parts of ids and prompts of the example; lower case."""
ADDRESS: Final = re.compile(r'\b(?:href|src|action|formaction|hx-[a-z-]+)="([^"]*)"')


@pytest.fixture
def page(tmp_path: Path) -> Opened:
    publish_example(tmp_path)
    with opened(tmp_path, secret_key="references are the same in every run of this test") as found:
        found.store.decide("c-aaaa1111", Verdict.CONFIRMED, reason=f"essay {HOSTILE}", author="ben")
        found.store.add_allow(AllowKind.ORGANIZATION, "org-secret", reason="ours", author="ops")
        yield found


def pages(page: Opened) -> list[str]:
    reference = page.desk.links.reference("acct-2")
    return [
        "/runs", f"/runs/{MONDAY}", "/accounts", f"/accounts/{reference}", "/operators", f"/operators/{OPERATOR}",
        "/allow-list", "/audit",
    ]  # fmt: skip


def test_no_address_on_a_page_holds_an_id_or_what_was_sent(page: Opened) -> None:
    for address in pages(page):
        html = page.text(address)
        found = ADDRESS.findall(html)
        assert len(found) > 10
        for one in found:
            assert not any(planted in one.lower() for planted in PLANTED), f"{address}: {one}"


def test_what_is_planted_stands_on_these_pages_so_that_this_means_something(page: Opened) -> None:
    shown = "".join(page.text(address) for address in pages(page)).lower()
    assert [planted for planted in PLANTED if planted not in shown] == ["tide", "lamp"]


def test_no_answer_sends_a_browser_to_an_address_that_holds_one(page: Opened) -> None:
    for address, form in (
        ("/accounts", {"account": "acct-2"}),
        ("/allow-list", {"kind": "organization", "value": "org-secret-2", "reason": "essay"}),
        ("/audit", {"subject": "organization org-secret", "actor": "essay"}),
        ("/queue/export.csv", {"words": "essay"}),
    ):
        answer = page.client.post(address, data=form)
        assert answer.status_code in (200, 303)
        for value in answer.headers.values():
            assert not any(planted in value.lower() for planted in PLANTED), f"{address}: {value}"


def test_nothing_of_it_is_logged(page: Opened, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for address in pages(page):
            page.text(address)
        page.client.post("/accounts", data={"account": "acct-2"})
        page.client.post("/accounts/acct-2", data={})
        page.client.get("/accounts/not-a-reference")
        page.client.post("/audit", data={"subject": "essay"})
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    assert not any(planted in logged.lower() for planted in PLANTED)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_is_signed_in_reads_and_nobody_else(tmp_path: Path, role: Role) -> None:
    publish_example(tmp_path)
    with opened(tmp_path, role) as page:
        addresses = pages(page)
        for address in addresses:
            page.text(address)
        del page.client.headers["Cookie"]
        for address in addresses:
            answer = page.client.get(address)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in")
