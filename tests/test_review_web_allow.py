from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from store_examples import NOON
from web_examples import Opened, opened, words

from campaigns.audit import Action, select_audit
from campaigns.entries import AllowKind, Verdict, template_hash
from campaigns.sessions import Role

TODAY = NOON.date()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    publish_example(tmp_path)
    return tmp_path


def add(page: Opened, **given: str) -> int:
    return page.client.post(
        "/allow-list", data={"kind": "campaign", "reason": "a course", **given}
    ).status_code


def test_what_ends_soon_stands_first_and_what_is_over_is_folded_away(home: Path) -> None:
    with opened(home) as page:
        for reason, ends in (
            ("far", TODAY + timedelta(days=90)),
            ("gone", TODAY - timedelta(days=1)),
            ("soon", TODAY + timedelta(days=3)),
            ("today", TODAY),
            ("never", None),
        ):
            page.store.add_allow(
                AllowKind.ORGANIZATION, f"org-{reason}", reason=reason, author="ops", expires_on=ends
            )
        html = page.text("/allow-list")
    order = re.findall(r"org-([a-z]+)<", html)
    assert order[:2] == ["today", "soon"]
    assert sorted(order[2:4]) == ["far", "never"]
    assert order[4:] == ["gone"]
    assert html.index("<details>") > html.index("org-never")
    assert "last day" in words(html)
    assert "ends in 3 days" in words(html)


def test_a_template_is_named_by_its_campaign_and_a_dismissal_leads_to_its_own(home: Path) -> None:
    with opened(home) as page:
        template = page.store.campaign(LEDGER).days[0].template
        page.store.add_allow(AllowKind.TEMPLATE, template_hash(template), reason="viral", author="ops")
        page.store.add_allow(AllowKind.TEMPLATE, "0" * 64, reason="unknown", author="ops")
        page.store.decide(GRADES, Verdict.DISMISSED, reason=f"homework {HOSTILE}", author="ben")
        html = page.text("/allow-list")
    assert f'<a href="/campaigns/{LEDGER}"><bdi>Balance the ledger</bdi></a>' in html
    assert "the template of no campaign now" in html
    assert f'<a href="/campaigns/{GRADES}">Undo there</a>' in html
    assert "</script><!--" not in html


def test_an_admin_adds_and_removes_and_the_audit_log_notes_both(home: Path) -> None:
    with opened(home) as page:
        assert add(page, value=GRADES, until=str(TODAY)) == 303
        (entry,) = page.store.allow_list()
        assert (entry.kind, entry.value, entry.author) == (AllowKind.CAMPAIGN, GRADES, "ada")
        assert (entry.reason, entry.expires_on, entry.created_at) == ("a course", TODAY, NOON)
        answer = page.client.post(f"/allow-list/{entry.id}/remove", headers={"HX-Request": "true"})
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/allow-list")
        assert page.store.allow_list() == []
        with page.store.reading() as session:
            actions = [row.action for row in select_audit(session, subjects=[GRADES])]
    assert actions == [Action.DISALLOWED, Action.ALLOWED]


@pytest.mark.parametrize(
    "given",
    [
        {"value": GRADES, "reason": " "},
        {"value": " "},
        {"value": "c-nobody"},
        {"value": GRADES, "until": str(TODAY - timedelta(days=1))},
        {"value": GRADES, "until": "tomorrow"},
        {"kind": "template_hash", "value": "c0ffee"},
    ],
)
def test_an_entry_that_means_nothing_is_refused_and_nothing_is_written(
    home: Path, given: dict[str, str]
) -> None:
    with opened(home) as page:
        assert add(page, **given) == 400
        assert page.store.allow_list() == []
        assert add(page, value=GRADES, kind="everything") == 422


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.APPROVER])
def test_others_than_admins_read_and_see_no_buttons(home: Path, role: Role) -> None:
    with opened(home, role) as page:
        page.store.add_allow(
            AllowKind.ORGANIZATION, "org-1", reason="ours", author="ops", expires_on=date(2027, 1, 1)
        )
        html = page.text("/allow-list")
        assert "org-1" in html
        assert "Remove" not in html
        assert "Add an entry" not in html
        assert add(page, value=GRADES) == 403
        assert page.client.post("/allow-list/1/remove").status_code == 403
        assert len(page.store.allow_list()) == 1
