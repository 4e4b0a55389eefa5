"""Relabelling, merging and splitting from the page: what is said beforehand, what is done, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from run_examples import HOSTILE
from store_examples import MONDAY, TUESDAY, a_campaign, a_run, a_wording, publish_now
from web_examples import Opened, opened, signed_in, words

from campaigns.audit import Action, select_audit
from campaigns.entries import CampaignState, Event, Lineage, Verdict
from campaigns.labels import MOST_CHARACTERS
from campaigns.queue import EVERYTHING, Filter, select_ids
from campaigns.records import Objective
from campaigns.sessions import Role
from campaigns.settings import Settings
from campaigns.splits import standing_splits
from campaigns.store import Store

OLD, NEW, OTHER = "c-old", "c-new", "c-other"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Opened]:
    """OLD, of three wordings, and OTHER since Monday; NEW since Tuesday, which may be OLD gone on. No files of runs."""
    with Store.open(Settings(home=tmp_path)) as store:
        wordings = tuple(a_wording(number, number) for number in range(3))
        old = replace(a_campaign(OLD), wordings=wordings)
        asked = Lineage(
            event=Event.POSSIBLY_CONTINUES, reason=f"alike {HOSTILE}", figures={"overlap": 0.5}, other_id=OLD
        )
        new = replace(a_campaign(NEW, feature=9), lineage=(asked,))
        publish_now(store, a_run(MONDAY), [old, a_campaign(OTHER, feature=5)])
        publish_now(store, a_run(TUESDAY), [old, new])
    with opened(tmp_path, Role.ANALYST) as found:
        yield found


def post(desk: Opened, path: str, **values: Any) -> Response:
    answer: Response = desk.client.post(f"/campaigns/{path}", data=values, headers=FRAGMENT)
    return answer


def get(desk: Opened, path: str) -> str:
    answer = desk.client.get(f"/campaigns/{path}", headers=FRAGMENT)
    assert answer.status_code == 200
    return str(answer.text)


def state(desk: Opened, name: str) -> str:
    return desk.store.campaign(name).state


def actions(desk: Opened, name: str) -> list[tuple[str, str]]:
    """(who, what), the oldest first."""
    with desk.store.reading() as session:
        found = [(one.actor, one.action) for one in select_audit(session, subjects=[name])]
    return found[::-1]


def refused(answer: Response, said: str) -> None:
    assert answer.status_code == 400
    assert answer.headers["HX-Retarget"] == "#messages"
    assert said in words(answer.text)


# -- labels --------------------------------------------------------------------------------------------


def test_a_campaign_is_called_what_somebody_calls_it(desk: Opened) -> None:
    answer = post(desk, f"{OLD}/label", title="Essay mill", objective="code", reason="one list of topics")
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger"] == "relabelled"
    assert "Essay mill" in words(answer.text)
    (summary,) = [one for one in desk.store.campaigns() if one.campaign_id == OLD]
    assert (summary.title, summary.objective, summary.labelled) == ("Essay mill", Objective.CODE, True)
    assert actions(desk, OLD) == [("ada", Action.RELABELLED)]


def test_and_can_be_called_what_its_runs_call_it_again(desk: Opened) -> None:
    assert "Back to its runs" not in get(desk, f"{OLD}/label")
    post(desk, f"{OLD}/label", title="Essay mill", reason="so")
    dialog = get(desk, f"{OLD}/label")
    assert 'value="Essay mill"' in dialog
    assert "Back to its runs" in dialog
    post(desk, f"{OLD}/label", title="ignored", back="1", reason="it was wrong")
    (summary,) = [one for one in desk.store.campaigns() if one.campaign_id == OLD]
    assert (summary.title, summary.labelled) == ("Grades essays", False)


def test_a_hostile_title_is_text_wherever_it_is_told(desk: Opened) -> None:
    title = f'"><img src=x onerror=alert(1)> {HOSTILE}'[:MOST_CHARACTERS]
    answer = post(desk, f"{OLD}/label", title=title, reason=HOSTILE)
    for html in (
        answer.text,
        get(desk, f"{OLD}/label"),
        get(desk, f"{OLD}/head"),
        desk.text(f"/campaigns/{OLD}"),
    ):
        assert "<img" not in html
        assert "\u202e" not in html


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"title": "", "reason": "so"}, "neither title nor objective"),
        ({"title": "x"}, "a label needs reason"),
        ({"title": "x" * (MOST_CHARACTERS + 1), "reason": "so"}, "longer than"),
        ({"objective": "world peace", "reason": "so"}, "no such objective"),
    ],
)
def test_a_label_that_cannot_be_is_refused_in_words(desk: Opened, values: dict[str, str], said: str) -> None:
    refused(post(desk, f"{OLD}/label", **values), said)
    assert actions(desk, OLD) == []


# -- one or two ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("named", "other"), [(NEW, OLD), (OLD, NEW)])
def test_whichever_is_named_first_the_newer_is_the_older_gone_on(
    desk: Opened, named: str, other: str
) -> None:
    answer = post(desk, f"{named}/merge", other=other, reason="the same accounts")
    assert answer.headers["HX-Trigger"] == "tied"
    assert words(answer.text) == f"{NEW} is {OLD} gone on. This holds from the next run on."
    said = desk.store.answers()[NEW]
    assert (said.other_id, said.same, said.author) == (OLD, True, "ada")
    assert state(desk, NEW) == CampaignState.MERGED
    assert state(desk, OLD) == CampaignState.OPEN


def test_the_dialog_offers_what_a_run_asks_and_says_what_would_happen(desk: Opened) -> None:
    dialog = get(desk, f"{NEW}/merge")
    assert f'type="radio" name="other" value="{OLD}"' in dialog
    assert "a run asks: alike" in words(dialog)
    desk.store.decide(OLD, Verdict.CONFIRMED, reason="so", author="grace")
    effect = words(post(desk, f"{NEW}/merge/effect", typed=f" {OLD} ").text)
    assert f"what is found by the wordings of {NEW} is {OLD}" in effect
    assert f"first seen on {MONDAY}, the other on {TUESDAY}" in effect
    assert f"{NEW} leaves the queue now" in effect
    assert f"grace decided about {OLD}: confirmed" in effect
    assert "Choose a campaign" in words(post(desk, f"{NEW}/merge/effect", typed="").text)
    assert desk.store.answers() == {}


def test_what_the_dialog_says_of_the_queue_comes_true(desk: Opened) -> None:
    everything = replace(EVERYTHING, states=Filter().states)

    def queue() -> set[str]:
        with desk.store.reading() as session:
            return set(select_ids(session, everything, limit=10))

    assert NEW in queue()
    post(desk, f"{NEW}/merge", other=OLD, reason="the same accounts")
    assert NEW not in queue()
    assert f"{NEW} comes back into the queue now" in words(get(desk, f"{NEW}/apart?other={OLD}"))
    post(desk, f"{NEW}/apart", other=OLD, reason="other topics after all")
    assert NEW in queue()
    assert [what for _, what in actions(desk, NEW)] == [Action.ANSWERED] * 2


def test_a_question_is_settled_by_saying_that_they_are_two(desk: Opened) -> None:
    assert [one.campaign_id for one in desk.store.questions()] == [NEW]
    assert "Nobody is asked any longer" in words(get(desk, f"{OLD}/apart?other={NEW}"))
    post(desk, f"{OLD}/apart", other=NEW, reason="another job of the pool")
    assert desk.store.questions() == []
    assert state(desk, NEW) == CampaignState.OPEN


def test_an_answer_that_ends_another_says_so(desk: Opened) -> None:
    post(desk, f"{NEW}/merge", other=OLD, reason="so")
    ends = f"This ends what ada said before: that {NEW} is {OLD} gone on."
    assert ends in words(get(desk, f"{NEW}/merge?other={OTHER}"))
    assert ends in words(get(desk, f"{NEW}/apart?other={OTHER}"))
    assert ends not in words(get(desk, f"{NEW}/apart?other={OLD}"))


def test_what_people_said_can_be_taken_back_from_the_page_of_either(desk: Opened) -> None:
    post(desk, f"{NEW}/merge", other=OLD, reason="the same accounts")
    for name in (NEW, OLD):
        part = get(desk, f"{name}/lineage")
        assert f'hx-get="/campaigns/{NEW}/apart?other={OLD}"' in part
        assert f"ada said that {NEW} is {OLD} gone on" in words(part)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"reason": "so"}, "no other campaign is named"),
        ({"other": NEW, "reason": "so"}, "no other campaign is named"),
        ({"other": OLD}, "an answer needs reason"),
    ],
)
def test_a_merge_that_cannot_be_is_refused_in_words(desk: Opened, values: dict[str, str], said: str) -> None:
    refused(post(desk, f"{NEW}/merge", **values), said)
    assert desk.store.answers() == {}


def test_nobody_is_merged_with_a_campaign_that_is_not_there(desk: Opened) -> None:
    assert post(desk, f"{NEW}/merge", typed="c-nobody", reason="so").status_code == 404
    assert post(desk, f"{NEW}/merge/effect", typed="c-nobody").status_code == 404


# -- splits --------------------------------------------------------------------------------------------


def test_wordings_are_split_off_and_taken_back(desk: Opened) -> None:
    dialog = get(desk, f"{OLD}/split")
    assert dialog.count('name="wording"') == 3
    answer = post(desk, f"{OLD}/split", wording=["1", "2"], reason="other accounts")
    with desk.store.reading() as session:
        (split,) = standing_splits(session, OLD)
    assert split.variants == (1, 2)
    assert words(answer.text).endswith(f"are {split.new_id} from the next run on: 2, 3.")
    lineage = get(desk, f"{OLD}/lineage")
    assert "Wordings 2, 3 are a campaign of their own" in words(lineage)
    undo = f"{OLD}/splits/{split.id}/undo"
    assert f'hx-get="/campaigns/{undo}"' in lineage
    assert "ada split wordings 2, 3 off" in words(get(desk, undo))
    assert post(desk, undo, reason="the same after all").headers["HX-Trigger"] == "tied"
    with desk.store.reading() as session:
        assert standing_splits(session, OLD) == []
    assert [what for _, what in actions(desk, OLD)] == [Action.SPLIT, Action.UNSPLIT]
    assert desk.client.get(f"/campaigns/{undo}", headers=FRAGMENT).status_code == 400


def test_what_is_split_off_is_not_offered_again(desk: Opened) -> None:
    post(desk, f"{OLD}/split", wording=["2"], reason="other accounts")
    dialog = get(desk, f"{OLD}/split")
    assert 'value="0"' in dialog
    assert 'value="2"' not in dialog


def test_a_campaign_of_one_wording_has_nothing_to_split(desk: Opened) -> None:
    assert "nothing to split off" in words(get(desk, f"{NEW}/split"))


@pytest.mark.parametrize(
    ("wordings", "reason", "said"),
    [
        ([], "so", "no such wordings"),
        (["7"], "so", "no such wordings"),
        (["0", "1", "2"], "so", "nothing would be left"),
        (["1"], "", "a split needs reason"),
    ],
)
def test_a_split_that_cannot_be_is_refused_in_words(
    desk: Opened, wordings: list[str], reason: str, said: str
) -> None:
    refused(post(desk, f"{OLD}/split", wording=wordings, reason=reason), said)
    with desk.store.reading() as session:
        assert standing_splits(session, OLD) == []


# -- who may -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deed", ["label", "merge", "merge/effect", "apart", "split", "splits/1/undo"])
def test_a_viewer_changes_nothing(desk: Opened, deed: str) -> None:
    viewer = signed_in(desk.app, desk.store, Role.VIEWER)
    answer = viewer.post(f"/campaigns/{NEW}/{deed}", data={"other": OLD, "reason": "so"}, headers=FRAGMENT)
    assert answer.status_code == 403
    assert desk.store.answers() == {}


def test_days_are_left_as_they_were(desk: Opened) -> None:
    def published() -> list[tuple[date, str]]:
        return [(one.day, one.title) for name in (OLD, NEW) for one in desk.store.campaign(name).days]

    before = published()
    post(desk, f"{OLD}/label", title="Essay mill", reason="so")
    post(desk, f"{OLD}/split", wording=["1"], reason="so")
    post(desk, f"{NEW}/merge", other=OLD, reason="so")
    assert published() == before
