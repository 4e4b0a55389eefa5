"""Deciding on the page: exact counts beforehand, nothing where something changed, and taking it back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from queue_examples import STRONG, Example, examples, named_together, publish_queue
from run_examples import GRADES, LEDGER
from store_examples import MONDAY, NOON, TUESDAY
from web_examples import Opened, opened, page_example, signed_in, words

from campaigns.entries import Verdict
from campaigns.records import Tier
from campaigns.sessions import Role
from campaigns.settings import ReviewSettings, Settings
from campaigns.store import Store

FRAGMENT = {"HX-Request": "true"}
ALL = examples(12, tiers=(Tier.REVIEW,))
LIMIT = 20


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Opened]:
    with Store.open(Settings(home=tmp_path)) as store:
        publish_queue(tmp_path, store, ALL)
    with opened(tmp_path, Role.ANALYST, review=ReviewSettings(second_person_accounts=LIMIT)) as desk:
        yield desk


def ids(chosen: tuple[Example, ...]) -> list[str]:
    return [one.campaign_id for one in chosen]


def asked(desk: Opened, verdict: Verdict, *names: str) -> Response:
    params = {"verdict": verdict.value, "on": list(names)}
    return desk.client.get("/decisions/new", params=params, headers=FRAGMENT)


def form(dialog: Response) -> dict[str, Any]:
    """What the dialog would send, less a reason."""
    assert dialog.status_code == 200
    fields: dict[str, Any] = {"target": []}
    for name, value in re.findall(r'<input type="(?:hidden|date)" name="(\w+)" value="([^"]*)"', dialog.text):
        if name == "target":
            fields[name].append(unescape(value))
        else:
            fields[name] = value
    return fields


def sent(desk: Opened, fields: dict[str, Any], reason: str = "seen", **headers: str) -> Response:
    data = {**fields, "reason": reason}
    return desk.client.post("/decisions", data=data, headers={**FRAGMENT, **headers})


def told(answer: Response) -> dict[str, Any]:
    """What the answer tells the scripts of the page."""
    told: dict[str, Any] = json.loads(answer.headers["HX-Trigger"])["decided"]
    return told


def waiting(desk: Opened) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', desk.text("/queue"))


@pytest.mark.parametrize("chosen", [ALL[3:4], ALL[:2], ALL[2:9:3], ALL])
def test_the_dialog_tells_how_many_distinct_accounts_would_be_named(
    desk: Opened, chosen: tuple[Example, ...]
) -> None:
    dialog = asked(desk, Verdict.CONFIRMED, *ids(chosen))
    count = named_together(chosen)
    assert f"{count} accounts would be named" in words(dialog.text)
    assert form(dialog)["n_accounts"] == str(count)
    assert ("this becomes a proposal" in words(dialog.text)) == (count > LIMIT)


def test_the_dialog_tells_how_many_of_them_another_confirmed_campaign_names(desk: Opened) -> None:
    for one in (ALL[2], ALL[8]):
        desk.store.decide(one.campaign_id, Verdict.CONFIRMED, reason="seen", author="bob")
    dialog = asked(desk, Verdict.CONFIRMED, *ids(ALL[3:5]))
    shared = (ALL[3].accounts | ALL[4].accounts) & (ALL[2].accounts | ALL[8].accounts)
    assert f"{len(shared)} of them are in another confirmed campaign already" in words(dialog.text)
    assert "in another confirmed campaign" not in asked(desk, Verdict.CONFIRMED, ALL[5].campaign_id).text


def test_confirmed_campaigns_whose_files_are_gone_are_not_passed_over_in_silence(desk: Opened) -> None:
    home = desk.desk.settings.home
    desk.store.decide(ALL[0].campaign_id, Verdict.CONFIRMED, reason="seen", author="bob")
    publish_queue(home, desk.store, ALL[1:], TUESDAY)
    (home / "runs" / str(MONDAY) / "1" / "accounts.parquet").unlink()
    shown = words(asked(desk, Verdict.CONFIRMED, ALL[1].campaign_id).text)
    assert "6 accounts would be named" in shown
    assert "1 confirmed campaign could not be compared: the files are gone" in shown


def test_a_count_that_nobody_can_take_stops_the_decision(desk: Opened) -> None:
    fields = form(asked(desk, Verdict.CONFIRMED, ALL[0].campaign_id))
    (desk.desk.settings.home / "runs" / str(MONDAY) / "1" / "accounts.parquet").unlink()
    answer = sent(desk, fields)
    assert answer.status_code == 500
    assert "the accounts of a run are gone" in words(answer.text)
    assert desk.store.decisions() == []


def test_the_dialog_tells_which_decision_it_would_replace(desk: Opened) -> None:
    desk.store.decide(ALL[0].campaign_id, Verdict.WATCH, reason="too early", author="bob")
    shown = words(asked(desk, Verdict.CONFIRMED, ALL[0].campaign_id).text)
    assert "Replaces what bob decided: watch , too early" in shown
    assert "Replaces 1 decision." in words(asked(desk, Verdict.CONFIRMED, *ids(ALL[:3])).text)


def test_the_dialog_warns_of_a_proposal_that_waits(desk: Opened) -> None:
    sent(desk, form(asked(desk, Verdict.CONFIRMED, *ids(ALL))))
    shown = words(asked(desk, Verdict.DISMISSED, ALL[0].campaign_id).text)
    assert "A proposal about it already waits for a second person" in shown


def test_reasons_have_digits_and_the_campaigns_own_comes_first(desk: Opened) -> None:
    for verdict in Verdict:
        dialog = asked(desk, verdict, ALL[0].campaign_id).text
        numbers = re.findall(r'data-preset="(\d)"', dialog)
        assert numbers == [str(number + 1) for number in range(len(numbers))]
        assert 3 <= len(numbers) <= 9
    first = re.search(r'name="reason" value="([^"]*)"', asked(desk, Verdict.CONFIRMED, "c-0000").text)
    assert first is not None
    assert unescape(first[1]) == f"{STRONG}."


def test_a_decision_takes_the_campaign_off_the_queue_and_says_so(desk: Opened) -> None:
    one = ALL[3]
    answer = sent(desk, form(asked(desk, Verdict.CONFIRMED, one.campaign_id)), STRONG)
    assert "Confirmed c-0003 : 6 accounts" in words(answer.text)
    (made,) = desk.store.decisions()
    assert (made.campaign_id, made.verdict, made.reason, made.author) == (
        one.campaign_id, Verdict.CONFIRMED, STRONG, "ada",
    )  # fmt: skip
    assert told(answer)["gone"] == [one.campaign_id]
    assert waiting(desk) == [name for name in ids(ALL) if name != one.campaign_id]


def test_what_was_decided_is_taken_back_by_what_the_answer_told(desk: Opened) -> None:
    answer = sent(desk, form(asked(desk, Verdict.WATCH, *ids(ALL[2:5]))))
    assert len(waiting(desk)) == 9
    undo = told(answer)["undo"]
    back = desk.client.post(undo["path"], data=undo["values"], headers=FRAGMENT)
    assert told(back)["back"] == ids(ALL[2:5])
    assert waiting(desk) == ids(ALL)
    assert {one.reason for one in desk.store.decisions() if one.undoes} == {"decided by mistake"}


def test_one_decision_is_taken_back_by_its_number_with_a_reason(desk: Opened) -> None:
    made = desk.store.decide(ALL[0].campaign_id, Verdict.WATCH, reason="seen", author="bob")
    answer = desk.client.post(f"/decisions/{made.id}/undo", data={"reason": "wrong one"}, headers=FRAGMENT)
    assert answer.status_code == 200
    assert [(one.undoes, one.reason, one.author) for one in desk.store.decisions()][-1] == (
        made.id, "wrong one", "ada",
    )  # fmt: skip


def test_an_undo_takes_back_all_or_none(desk: Opened) -> None:
    made = [
        desk.store.decide(one.campaign_id, Verdict.WATCH, reason="seen", author="ada").id for one in ALL[:3]
    ]
    desk.store.undo(made[2], reason="again", author="bob")
    answer = desk.client.post("/decisions/undo", data={"decision": made}, headers=FRAGMENT)
    assert answer.status_code == 400
    assert "was taken back already" in words(answer.text)
    assert set(desk.store.standing()) == set(ids(ALL[:2]))


def test_too_many_accounts_for_one_person_become_a_proposal(desk: Opened) -> None:
    answer = sent(desk, form(asked(desk, Verdict.CONFIRMED, *ids(ALL))))
    assert f"Proposed to confirm 12 campaigns: {named_together(ALL)} accounts" in words(answer.text)
    assert desk.store.decisions() == []
    assert waiting(desk) == []  # nothing that this person could do
    assert told(answer)["waiting"] == 1
    undo = told(answer)["undo"]
    assert desk.client.post(undo["path"], data=undo["values"], headers=FRAGMENT).status_code == 200
    assert waiting(desk) == ids(ALL)


def test_as_many_as_the_limit_may_be_decided_by_one(desk: Opened) -> None:
    chosen = ALL[:4]
    assert named_together(chosen) == 15
    sent(desk, form(asked(desk, Verdict.CONFIRMED, *ids(chosen))))
    assert len(desk.store.standing()) == 4


def test_a_dismissal_holds_for_as_long_as_the_dialog_says(desk: Opened) -> None:
    fields = form(asked(desk, Verdict.DISMISSED, ALL[0].campaign_id))
    default = NOON.date() + timedelta(days=ReviewSettings().dismiss_days)
    assert fields["until"] == default.isoformat()
    chosen = NOON.date() + timedelta(days=7)
    sent(desk, {**fields, "until": chosen.isoformat()})
    assert [one.expires_on for one in desk.store.allow_list()] == [chosen]


def test_a_dismissal_needs_a_last_day_to_come(desk: Opened) -> None:
    fields = form(asked(desk, Verdict.DISMISSED, ALL[0].campaign_id))
    for until in ("", (NOON.date() - timedelta(days=1)).isoformat()):
        assert sent(desk, {**fields, "until": until}).status_code == 400
    assert sent(desk, {**fields, "until": "soon"}).status_code == 422
    assert desk.store.decisions() == []


def test_what_was_published_again_meanwhile_is_not_decided(desk: Opened) -> None:
    fields = form(asked(desk, Verdict.CONFIRMED, *ids(ALL[:2])))
    publish_queue(desk.desk.settings.home, desk.store, ALL, force=True)
    answer = sent(desk, fields)
    assert answer.status_code == 409
    assert "changed since you looked" in words(answer.text)
    assert desk.store.decisions() == []


def test_another_count_than_the_dialog_told_is_refused(desk: Opened) -> None:
    fields = form(asked(desk, Verdict.CONFIRMED, *ids(ALL[:2])))
    answer = sent(desk, {**fields, "n_accounts": "8"})
    assert answer.status_code == 409
    assert "9 accounts would be named, not 8" in words(answer.text)
    assert desk.store.decisions() == []


def test_a_decision_needs_a_reason_and_known_campaigns(desk: Opened) -> None:
    fields = form(asked(desk, Verdict.CONFIRMED, ALL[0].campaign_id))
    assert sent(desk, fields, "  ").status_code == 400
    assert sent(desk, {**fields, "target": ["c-none@2026-01-05.1"]}).status_code == 400
    assert sent(desk, {**fields, "target": []}).status_code == 422
    assert asked(desk, Verdict.CONFIRMED, "c-none").status_code == 400
    assert asked(desk, Verdict.CONFIRMED, *(f"c-{n}" for n in range(201))).status_code == 422
    assert desk.store.decisions() == []


def test_the_page_of_a_campaign_offers_the_next_one_and_the_queue_does_not(desk: Opened) -> None:
    for place, offered in (("/campaigns/c-0003", True), ("/queue", False)):
        fields = form(asked(desk, Verdict.WATCH, "c-0003"))
        answer = sent(desk, fields, **{"HX-Current-URL": f"http://127.0.0.1:8420{place}"})
        assert ("/queue/next?after=c-0003" in answer.text) == offered


def test_who_may_only_read_decides_nothing(desk: Opened) -> None:
    fields = form(asked(desk, Verdict.CONFIRMED, ALL[0].campaign_id))
    made = desk.store.decide(ALL[1].campaign_id, Verdict.WATCH, reason="seen", author="bob")
    viewer = signed_in(desk.app, desk.store, Role.VIEWER, user="eve")
    params = {"verdict": "confirmed", "on": ALL[0].campaign_id}
    assert viewer.get("/decisions/new", params=params).status_code == 403
    assert viewer.post("/decisions", data={**fields, "reason": "seen"}).status_code == 403
    assert viewer.post(f"/decisions/{made.id}/undo").status_code == 403
    assert viewer.post("/decisions/undo", data={"decision": [made.id]}).status_code == 403
    assert [one.id for one in desk.store.decisions()] == [made.id]


def test_who_confirms_what_is_not_actionable_is_told_why_it_is_not(tmp_path: Path) -> None:
    page_example(tmp_path)
    with opened(tmp_path) as page:
        told = words(page.text(f"/decisions/new?verdict=confirmed&on={GRADES}"))
        both = words(page.text(f"/decisions/new?verdict=confirmed&on={GRADES}&on={LEDGER}"))
        dismissing = words(page.text(f"/decisions/new?verdict=dismissed&on={GRADES}"))
    assert "It is review , not actionable." in told
    assert "2 of them are not actionable" in both
    assert "not actionable" not in dismissing
