"""`shoal decide`, `shoal decisions`, `shoal ranker`, and what is learned from the runs that were looked at."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from console import data, keep_apart, shoal
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from store_examples import MONDAY, TUESDAY, a_campaign, a_run, publish_now

from accounts.ranking import Tally
from campaigns import files
from campaigns.entries import Verdict
from campaigns.records import CAMPAIGNS, EVIDENCE, Objective, Tier
from campaigns.runs import Run, open_run
from campaigns.settings import Settings
from campaigns.store import Store
from flows.commands import decide
from flows.learning import learn, tied

DANGEROUS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    keep_apart(tmp_path, monkeypatch)
    made = tmp_path / "var"
    made.mkdir()
    return made


@pytest.fixture
def run_of_monday(home: Path) -> Run:
    return publish_example(home)


def said(*arguments: str) -> list[str]:
    result = shoal("decide", *arguments)
    assert result.exit_code == 0, result.stderr
    assert not result.stdout
    return result.stderr.splitlines()


# -- decide --------------------------------------------------------------------------------------------


def test_choices_are_the_verdicts() -> None:
    assert {decide._VERDICTS[choice] for choice in get_args(decide.Choice)} == set(Verdict)


@pytest.mark.usefixtures("run_of_monday")
def test_a_decision_says_what_it_did_and_what_it_did_not() -> None:
    assert said("c-a", "confirm", "--reason", "dealt-out slots", "--author", "ada") == [
        f"decision 1: {GRADES} is confirmed, as seen on 2026-01-05",
        f"next: shoal decisions {GRADES}",
    ]
    dismissed = said(LEDGER, "dismiss", "--reason", "one team", "--author", "ada", "--until", "2999-01-31")
    assert dismissed == [
        f"decision 2: {LEDGER} is dismissed, as seen on 2026-01-05",
        "it is on the allow-list until 2999-01-31, from the next run on",
        f'next: to take it back, shoal decide {LEDGER} --undo --reason "..."',
    ]
    (entry,) = data("allow", "list")
    assert (entry["value"], entry["decision_id"], entry["expires_on"]) == (LEDGER, 2, "2999-01-31")
    assert "to be watched" in said(LEDGER, "watch", "--reason", "grows")[0]
    first = data("decisions")[0]
    assert {name: first[name] for name in ("id", "campaign_id", "day", "verdict", "reason", "author")} == {
        "id": 1,
        "campaign_id": GRADES,
        "day": "2026-01-05",
        "verdict": "confirmed",
        "reason": "dealt-out slots",
        "author": "ada",
    }


@pytest.mark.usefixtures("run_of_monday")
def test_a_dismissal_lasts_as_long_as_the_settings_say() -> None:
    before = datetime.now(UTC).date()
    shoal("--set", "review.dismiss_days=7", "decide", LEDGER, "dismiss", "--reason", "one team")
    (entry,) = data("allow", "list")
    assert date.fromisoformat(entry["expires_on"]) in {before + timedelta(days=7), before + timedelta(days=8)}
    shoal("decide", LEDGER, "--undo", "--reason", "another team")
    assert data("allow", "list") == []


@pytest.mark.usefixtures("run_of_monday")
def test_an_undo_says_what_stands_again() -> None:
    for verdict in ("watch", "confirm"):
        shoal("decide", GRADES, verdict, "--reason", "r")
    assert said(GRADES, "--undo", "--reason", "too early")[0] == (
        f"decision 2 taken back; {GRADES} is to be watched again, by decision 1"
    )
    assert (
        said("c-", "--undo", "--reason", "not at all")[0]
        == f"decision 1 taken back; none about {GRADES} stands"
    )
    none = shoal("decide", GRADES, "--undo", "--reason", "again")
    assert none.exit_code == 2
    assert f"no decision about {GRADES} stands" in none.stderr
    listed = data("decisions", "c-a")
    assert [(row["verdict"], row["undoes"], row["stands"]) for row in listed] == [
        ("watch", None, False),
        ("confirmed", None, False),
        (None, 2, False),
        (None, 1, False),
    ]
    text = shoal("decisions").stdout
    assert re.search(r"2 +c-aaaa1111 +2026-01-05 +confirmed +undone by 3", text)
    assert re.search(r"3 +c-aaaa1111 +2026-01-05 +undo of 2 +too early", text)


def test_a_decision_about_a_campaign_that_is_gone_can_be_undone(home: Path) -> None:
    publish_example(home)
    assert data("decide", LEDGER, "watch", "--reason", "r")["verdict"] == "watch"
    with Store.open(Settings(home=home)) as store:
        publish_now(store, a_run(MONDAY, 9), [a_campaign("c-cccc3333")])
    assert [row["stands"] for row in data("decisions")] == [True]
    assert data("decide", "c-b", "--undo", "--reason", "gone")["undoes"] == 1
    assert shoal("decide", LEDGER, "watch", "--reason", "r").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([GRADES, "--reason", "r"], "say confirm, dismiss or watch, or --undo"),
        ([GRADES, "watch", "--undo", "--reason", "r"], "say confirm, dismiss or watch, or --undo"),
        ([GRADES, "--undo", "--day", "2026-01-05", "--reason", "r"], "--undo takes no --day"),
        ([GRADES, "watch"], "--reason"),
        ([GRADES, "watch", "--reason", " "], "a decision needs reason"),
        ([GRADES, "ban", "--reason", "r"], "ban"),
        (["c-", "watch", "--reason", "r"], "2 campaigns begin with 'c-'"),
        (["c-none", "watch", "--reason", "r"], "no campaign 'c-none'"),
        ([GRADES, "watch", "--reason", "r", "--day", "2026-01-06"], "was not seen on 2026-01-06"),
        ([GRADES, "confirm", "--reason", "r", "--until", "2999-01-31"], "only a dismissal has a last day"),
        ([GRADES, "--undo", "--reason", "r", "--until", "2999-01-31"], "only a dismissal has a last day"),
        ([GRADES, "dismiss", "--reason", "r", "--until", "2020-01-31"], "2020-01-31 has passed"),
        ([GRADES, "dismiss", "--reason", "r", "--until", "soon"], "--until"),
        ([GRADES, "--undo", "--reason", "r"], f"no decision about {GRADES} stands"),
    ],
)
@pytest.mark.usefixtures("run_of_monday")
def test_a_wrong_decision_leaves_with_2_and_no_trace(arguments: list[str], what: str) -> None:
    result = shoal("decide", *arguments)
    assert result.exit_code == 2
    assert what in result.stderr
    assert data("decisions") == []


@pytest.mark.usefixtures("run_of_monday")
def test_hostile_words_never_reach_the_terminal() -> None:
    calls = [
        ["decide", GRADES, "confirm", "--reason", HOSTILE, "--author", HOSTILE],
        ["decide", GRADES, "watch", "--reason", HOSTILE, "--author", HOSTILE, "--json"],
        ["decisions"],
        ["decisions", "--json"],
        ["ranker"],
        ["decide", GRADES, "--undo", "--reason", HOSTILE],
    ]
    for arguments in calls:
        result = shoal(*arguments)
        assert result.exit_code == 0
        assert not DANGEROUS.search(result.output)
    wrong = shoal("decide", HOSTILE, "watch", "--reason", "r")
    assert wrong.exit_code == 2
    assert not DANGEROUS.search(wrong.output)
    assert r"\x1b]8;;x\x07" in shoal("decisions").stdout


def test_no_decisions_say_what_to_do() -> None:
    assert "shoal decide ID confirm" in shoal("decisions").stderr
    assert shoal("--quiet", "decisions").output == ""


# -- what is learned -----------------------------------------------------------------------------------

SIGNALS = ("age burst", "slot partition", "synchrony")


def a_day_of_campaigns(home: Path, n: int, *, attempt_of: int = 0, operators: int = 0) -> Run:
    """Publish a run of n campaigns `c00`, `c01`, ...; the evidence of the odd ones speaks, that of the even not.

    `operators`: the first so many campaigns, taken in pairs of odd ones and of even ones, share one.
    """
    day = MONDAY + timedelta(days=attempt_of)
    run = open_run(home, day, "f1")
    names = [f"c{i:02}" for i in range(n)]
    rng = np.random.default_rng(11)
    evidence = [
        {
            "campaign_id": name,
            "signal": signal,
            "group": "g",
            "p_value": float(10 ** -(rng.uniform(1, 5) if i % 2 else rng.uniform(0, 1.5))),
            "value": 1.0,
            "control_median": None,
            "control_p95": None,
            "sentence": "s",
        }
        for i, name in enumerate(names)
        for signal in SIGNALS
    ]
    untested = [row | {"signal": "never tested", "p_value": None} for row in evidence[:: len(SIGNALS)]]
    campaigns = [
        {
            "campaign_id": name,
            "tier": Tier.REVIEW.value,
            "score": 0.5,
            "n_prompts": 100,
            "n_accounts": 10,
            "template": "t",
            "label": "l",
            "summary": "s",
            "objective": Objective.CODE.value,
            "objective_confidence": 1.0,
            "keyphrases": [],
            "exemplar_prompt_ids": [],
            "operator_id": f"o{i // 4}-{i % 2}" if i < operators else None,
            "reasons": [],
        }
        for i, name in enumerate(names)
    ]
    _write(run, "evidence", evidence + untested, EVIDENCE)
    _write(run, "campaigns", campaigns, CAMPAIGNS)
    run.stage("results", dict, ["evidence.parquet", "campaigns.parquet"])
    entry = replace(a_run(day), path=run.path.relative_to(home).as_posix())
    with Store.open(Settings(home=home)) as store:
        publish_now(store, entry, [a_campaign(name) for name in names])
    return run


def _write(run: Run, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    files.write_parquet(run.path / f"{name}.parquet", pa.Table.from_pylist(rows, schema))


def decide_all(home: Path, n: int) -> None:
    """Confirm the odd campaigns, dismiss the even ones."""
    with Store.open(Settings(home=home)) as store:
        for i in range(n):
            verdict = Verdict.CONFIRMED if i % 2 else Verdict.DISMISSED
            store.decide(f"c{i:02}", verdict, reason="r", author="ada", day=MONDAY)


def test_too_few_decisions_are_counted_and_no_error(home: Path) -> None:
    a_day_of_campaigns(home, 12)
    decide_all(home, 7)
    told = data("ranker")
    assert told["tally"] == {
        "decisions": 7,
        "confirmed": 3,
        "dismissed": 4,
        "groups_confirmed": 3,
        "groups_dismissed": 4,
    }
    assert told["needed"] == {"decisions": 40, "of_each": 10}
    assert told["enough"] is False
    assert told["reliability"] is None
    assert told["weights"] is None
    shown = shoal("ranker")
    assert shown.exit_code == 0
    assert re.search(r"decisions +7 +40 *\n", shown.stdout)
    assert "too few decisions" in shown.stderr


def test_a_store_without_days_has_nothing_to_learn_from() -> None:
    assert data("ranker")["tally"]["decisions"] == 0


def test_enough_decisions_make_a_ranker_that_says_how_far_to_trust_it(home: Path) -> None:
    a_day_of_campaigns(home, 60)
    decide_all(home, 60)
    told = data("ranker")
    found = told["reliability"]
    assert sum(row["count"] for row in found["bins"]) == 60
    assert found["auc"] > 0.9
    assert found["brier"] < 0.12 < found["brier_of_mean"]
    assert found["helps"] is True
    assert set(told["weights"]) == {*SIGNALS, "accounts", "prompts"}
    assert max(told["weights"], key=told["weights"].get) in SIGNALS
    shown = shoal("ranker")
    for words in ("Held-out decisions", "Brier score", "calibration error", "AUC", "What weighs most"):
        assert words in shown.stdout
    assert "sorts the review queue from the next run on" in shown.stderr


def test_what_is_learned_does_not_depend_on_the_order_of_decisions(home: Path) -> None:
    a_day_of_campaigns(home, 44)
    digests = []
    with Store.open(Settings(home=home)) as store:
        for order in (range(44), reversed(range(44))):
            for i in order:
                verdict = Verdict.CONFIRMED if i % 2 else Verdict.DISMISSED
                store.decide(f"c{i:02}", verdict, reason="r", author="ada")
            lesson = learn(store, Settings(home=home))
            assert lesson.ranker is not None
            digests.append(lesson.ranker.digest)
        assert digests[0] == digests[1]


def test_the_last_word_labels_every_day_and_watched_campaigns_teach_nothing(home: Path) -> None:
    a_day_of_campaigns(home, 6)
    a_day_of_campaigns(home, 6, attempt_of=1)
    settings = Settings(home=home)
    with Store.open(settings) as store:

        def say(name: str, verdict: Verdict, day: Any = MONDAY) -> int:
            return store.decide(name, verdict, reason="r", author="ada", day=day).id

        say("c00", Verdict.DISMISSED)
        say("c00", Verdict.CONFIRMED, TUESDAY)  # two rows, both confirmed
        say("c01", Verdict.CONFIRMED)
        say("c01", Verdict.WATCH, TUESDAY)  # none: what stands is no verdict
        say("c02", Verdict.WATCH)
        say("c02", Verdict.DISMISSED, TUESDAY)  # one row
        store.undo(say("c03", Verdict.CONFIRMED), reason="no", author="ada")  # none
        say("c04", Verdict.DISMISSED)
        say("c04", Verdict.DISMISSED)  # the same run twice: one row
        assert learn(store, settings).tally == Tally(4, 2, 2, 1, 2)


def test_decisions_whose_runs_are_gone_are_left_out_and_counted(home: Path) -> None:
    monday, tuesday = a_day_of_campaigns(home, 5), a_day_of_campaigns(home, 5, attempt_of=1)
    decide_all(home, 5)
    settings = Settings(home=home)
    with Store.open(settings) as store:
        store.decide("c01", Verdict.CONFIRMED, reason="r", author="ada", day=TUESDAY)
        publish_now(store, a_run(MONDAY, 2), [])
        assert (learn(store, settings).tally.decisions, learn(store, settings).unreadable) == (6, 0)
        (tuesday.path / "evidence.parquet").write_bytes(b"damaged")
        assert (learn(store, settings).tally.decisions, learn(store, settings).unreadable) == (5, 1)
        shutil.rmtree(monday.path)
        assert (learn(store, settings).tally.decisions, learn(store, settings).unreadable) == (0, 6)
    assert "6 decisions left out" in shoal("ranker").stderr


def test_campaigns_of_one_operator_count_once(home: Path) -> None:
    a_day_of_campaigns(home, 44, operators=40)
    decide_all(home, 44)
    settings = Settings(home=home)
    with Store.open(settings) as store:
        assert learn(store, settings).tally == Tally(44, 22, 22, 12, 12)


def test_what_hangs_together_through_operators_and_days() -> None:
    campaigns = ["c3", "c1", "c1", "c2", "c4", "c5"]
    operators = ["o1", "o1", "o2", "o2", None, "c4"]
    assert tied(campaigns, operators) == ["c1", "c1", "c1", "c1", "c4", "c5"]
    assert tied([], []) == []
