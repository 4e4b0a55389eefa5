"""Two campaigns side by side, against what the read model says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from page_reading import originals
from run_examples import GRADES, LEDGER, publish_example
from store_examples import MONDAY
from web_examples import Opened, opened, signed_in, words

from benchmarks.review_run import Sizes, publish_day
from campaigns.sessions import Role
from review.campaign import read_template
from review.compare import compare
from review.neighbours import neighbours

BOTH = f"/compare?left={GRADES}&right={LEDGER}"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    home = tmp_path_factory.mktemp("example")
    publish_example(home)
    with opened(home, Role.ANALYST) as found:
        yield found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    home = tmp_path_factory.mktemp("large")
    publish_day(home, MONDAY, Sizes(campaigns=4, members=4_000))
    with opened(home, Role.ANALYST) as found:
        yield found


def templates(page: str) -> list[str]:
    return originals(page[page.index('<div class="templates">') :], "original")


def pairs(desk: Opened) -> list[tuple[str, str]]:
    names = [one.campaign_id for one in desk.store.campaigns()]
    return [(one, other) for one in names for other in names if one != other]


def test_each_template_stands_whole_in_its_column(example: Opened, large: Opened) -> None:
    for desk in (example, large):
        tables = desk.desk.tables(desk.desk.published())
        for left, right in pairs(desk):
            shown = templates(desk.text(f"/compare?left={left}&right={right}"))
            assert shown == [read_template(tables, name).display() for name in (left, right)]


def test_what_only_one_has_is_marked_and_what_both_have_is_not(example: Opened) -> None:
    page = example.text(BOTH)
    marked = [unescape(one) for one in re.findall(r'<mark class="piece (?:left|right)">([^<]*)</mark>', page)]
    assert "Grade this essay:" in marked
    assert "Balance the ledger of" in marked
    assert '<span class="slot">{text}</span>' in page


def test_a_campaign_is_the_same_as_itself_on_the_other_side(large: Opened) -> None:
    left, right = pairs(large)[0]
    one, other = (
        templates(large.text(f"/compare?left={a}&right={b}")) for a, b in ((left, right), (right, left))
    )
    assert one == other[::-1]


def test_shared_accounts_are_counted_and_named_with_both_strengths(large: Opened) -> None:
    tables = large.desk.tables(large.desk.published())
    for left, right in pairs(large):
        page = large.text(f"/compare?left={left}&right={right}")
        expected = compare(tables, left, tables, right)
        assert f"{expected.n_shared:,} account" in words(page)
        named = re.findall(r'href="/accounts/([^"]+)"', page)
        assert [large.desk.links.account(one) for one in named] == [
            one.account_id for one in expected.accounts
        ]
        assert all(f"{one.left:.2f}" in page and f"{one.right:.2f}" in page for one in expected.accounts)


def test_it_says_what_chance_gives_where_the_run_does(example: Opened) -> None:
    assert "0 accounts of 2 and 2; by chance 0.5 would be." in words(example.text(BOTH))


def test_every_signal_of_either_has_a_row(example: Opened) -> None:
    page = example.text(BOTH)
    rows = re.findall(r'<tr><th scope="row">([^<]+)<br>', page)
    assert sorted(rows) == sorted(
        ["made together", "shared clock", "slot uniqueness", "synchrony", "evenness"]
    )
    assert page.count("not known then") == 5  # no signal of the one was tested for the other


def test_with_one_campaign_it_asks_for_the_other(large: Opened) -> None:
    name = large.store.campaigns()[0].campaign_id
    page = large.text(f"/compare?left={name}")
    near = neighbours(large.desk.tables(large.desk.published()), name)
    assert re.findall(r"right=(c-\w+)", page) == [one.campaign_id for one in near]
    assert page == large.text(f"/compare?left={name}&right={name}")


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("?left=c-nobody", 404), (f"?left={GRADES}&right=c-no", 404)]
)
def test_what_is_not_there_is_told_in_words(example: Opened, query: str, status: int) -> None:
    answer = example.client.get(f"/compare{query}")
    assert answer.status_code == status
    assert "campaign" in words(answer.text)


@pytest.mark.parametrize(("role", "sees"), [(Role.VIEWER, False), (Role.ANALYST, True)])
def test_only_who_may_answer_is_asked(example: Opened, role: Role, sees: bool) -> None:
    page = signed_in(example.app, example.store, role).get(BOTH).text
    assert ("They are one" in page) == sees
    assert (f'hx-get="/campaigns/{LEDGER}/apart?other={GRADES}"' in page) == sees
