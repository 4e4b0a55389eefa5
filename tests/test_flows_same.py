"""`shoal same` on a store with a question in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from console import data, keep_apart, shoal
from run_examples import HOSTILE
from store_examples import MONDAY, TUESDAY, a_campaign, a_run, publish_now

from campaigns.entries import Event, Lineage
from campaigns.settings import load
from campaigns.store import Store


@pytest.fixture(autouse=True)
def _asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_apart(tmp_path, monkeypatch)
    (tmp_path / "var").mkdir()
    asked = Lineage(
        event=Event.POSSIBLY_CONTINUES, reason=f"the same {HOSTILE}", figures={}, other_id="c-old"
    )
    with Store.open(load({"home": str(tmp_path / "var")}).settings) as store:
        publish_now(store, a_run(MONDAY), [a_campaign("c-old")])
        publish_now(
            store, a_run(TUESDAY), [replace(a_campaign("c-new"), lineage=(asked,)), a_campaign("c-x")]
        )


def test_what_is_asked_is_listed_and_hostile_words_are_tamed() -> None:
    told = shoal("same")
    assert "c-new" in told.stdout
    assert "c-old" in told.stdout
    assert "\x1b" not in told.stdout
    assert [(one["campaign_id"], one["other_id"]) for one in data("same")] == [("c-new", "c-old")]


def test_an_answer_is_kept_and_the_question_gone() -> None:
    answer = data("same", "c-n", "--reason", "same topics", "--author", "ada")
    assert (answer["campaign_id"], answer["other_id"], answer["same"]) == ("c-new", "c-old", True)
    assert data("same") == []
    told = shoal("same", "c-new", "c-old", "--no", "--reason", "another job")
    assert "c-new is not c-old gone on" in told.stderr


def test_somebody_else_than_who_was_asked_about() -> None:
    assert "c-x is c-old gone on" in shoal("same", "c-x", "c-old", "--reason", "seen it").stderr
    refused = shoal("same", "c-x", "--reason", "seen it")
    assert refused.exit_code == 2
    assert "nothing is asked about c-x" in refused.stderr
    assert shoal("same", "c-new").exit_code == 2  # no reason
