"""`shoal deliver`, what `shoal status` says of the hand-off, and its Prefect flow and deployments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from console import data, keep_apart, shoal
from handoff_examples import publish_accounts
from run_examples import HOSTILE
from store_examples import MONDAY, a_run

from campaigns.entries import Verdict
from campaigns.errors import DeliveryPendingError
from campaigns.store import Store
from enforcement.sinks.made import MAKERS
from flows.commands.deliver import FEED

ACCOUNTS = {"c1": ["acct-1", f"acct-2{HOSTILE}"], "c2": ["acct-3"]}
JSONL, BOTH = ("--set", "delivery.sinks=jsonl"), ("--set", "delivery.sinks=jsonl,csv")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """c1 and c2, both confirmed."""
    keep_apart(tmp_path, monkeypatch)
    made = tmp_path / "var"
    made.mkdir()
    with opened(made) as store:
        publish_accounts(store, made, a_run(MONDAY), ACCOUNTS)
        for name in ACCOUNTS:
            store.decide(name, Verdict.CONFIRMED, reason="dealt-out slots", author="ada")
    return made


def opened(home: Path) -> Store:
    return Store.open_url(f"sqlite:///{home / 'shoal.db'}")


def block(home: Path) -> Path:
    """A file where the folder of the hand-off should be: nothing can be written there."""
    path = home / "handoff"
    path.touch()
    return path


# -- sending -------------------------------------------------------------------------------------------


def test_confirmed_campaigns_leave_once(home: Path) -> None:
    first = shoal(*BOTH, "deliver")
    assert first.exit_code == 0, first.stderr
    assert [line.split() for line in first.stdout.splitlines()[3:5]] == [
        ["jsonl", "2", "0", "0", "0", "0"],
        ["csv", "2", "0", "0", "0", "0"],
    ]
    (path,) = (home / "handoff").glob("*.jsonl")
    assert [json.loads(line)["message_id"] for line in path.read_bytes().splitlines()] == ["c1.1", "c2.1"]
    before = path.read_bytes()
    again = data(*BOTH, "deliver")
    assert again["jsonl"]["delivered_now"] == 0
    assert again["jsonl"]["delivered"] == 2
    assert not again["jsonl"]["pending"]
    assert path.read_bytes() == before


@pytest.mark.usefixtures("home")
def test_messages_on_standard_output_are_alone_there() -> None:
    result = shoal("--set", "delivery.sinks=stdout", "deliver")
    assert result.exit_code == 0
    assert [json.loads(line)["message_id"] for line in result.stdout.splitlines()] == ["c1.1", "c2.1"]
    assert result.stdout.isascii()
    assert "delivered" in result.stderr
    both = shoal("--set", "delivery.sinks=stdout", "deliver", "--json")
    assert both.exit_code == 2
    assert "both write to standard output" in both.stderr


@pytest.mark.usefixtures("home")
def test_only_the_sink_that_is_named_is_sent_to() -> None:
    assert list(data(*BOTH, "deliver", "--sink", "csv")) == ["csv"]
    found = data(*BOTH, "deliver", "--list")["sinks"]
    assert {name: one["waiting"] for name, one in found.items()} == {"jsonl": 2, "csv": 0}


def test_what_should_have_left_and_did_not_leaves_with_8(home: Path) -> None:
    blocked = block(home)
    result = shoal(*BOTH, "deliver")
    assert result.exit_code == DeliveryPendingError.exit_code == 8
    assert "should have left and did not: 4" in result.stderr
    assert "shoal deliver --list" in result.stderr
    listed = shoal(*BOTH, "deliver", "--list")
    assert listed.exit_code == 0
    assert "the file cannot be written" in listed.stdout
    letters = data(*BOTH, "deliver", "--list", "--sink", "csv")["letters"]
    assert [(one["sink"], one["message_id"], one["state"], one["attempts"]) for one in letters] == [
        ("csv", "c1.1", "waiting", 1),
        ("csv", "c2.1", "waiting", 1),
    ]
    blocked.unlink()
    replayed = shoal(*BOTH, "deliver", "--replay")
    assert replayed.exit_code == 0, replayed.stderr
    assert "0 dead letters and 4 failed messages to be tried anew" in replayed.stderr


def test_a_dead_letter_is_pending_until_it_is_replayed(home: Path) -> None:
    blocked = block(home)
    once = (*JSONL, "--set", "delivery.attempts=1")
    assert shoal(*once, "deliver").exit_code == 8
    assert "jsonl: 2 dead letters: shoal deliver --list" in shoal("status").stdout
    assert data("status")["handoff"]["jsonl"]["dead"] == 2
    blocked.unlink()
    assert shoal(*once, "deliver").exit_code == 8
    part = shoal(*once, "deliver", "--replay", "--campaign", "c2")
    assert "1 dead letter and 0 failed messages" in part.stderr
    assert part.exit_code == 8
    assert shoal(*once, "deliver", "--replay").exit_code == 0
    assert "dead letter" not in shoal("status").stdout


def test_a_message_that_waits_for_its_time_is_not_pending(home: Path) -> None:
    late = (*JSONL, "--set", "delivery.delay_minutes=60")
    shoal("decide", "c1", "--undo", "--reason", "no")
    shoal(*late, "decide", "c1", "confirm", "--reason", "yes")
    result = shoal(*late, "deliver")
    assert result.exit_code == 0, result.stderr
    found = data(*late, "deliver", "--list")["sinks"]["jsonl"]
    assert (found["waiting"], found["overdue"], found["delivered"], found["superseded"]) == (1, 0, 2, 1)


# -- looking -------------------------------------------------------------------------------------------


def test_a_dry_run_shows_what_would_leave_and_changes_nothing(home: Path) -> None:
    result = shoal(*BOTH, "deliver", "--dry-run")
    assert result.exit_code == 0
    assert "jsonl: 2 messages with 3 accounts would leave" in result.stderr
    shown = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["sink"], one["body"]["message_id"]) for one in shown] == [
        (sink, name) for sink in ("jsonl", "csv") for name in ("c1.1", "c2.1")
    ]
    assert data(*BOTH, "deliver", "--dry-run") == shown
    assert not (home / "handoff").exists()
    shoal(*JSONL, "deliver")
    (path,) = (home / "handoff").glob("*.jsonl")
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [one["body"] for one in shown[:2]]
    assert "jsonl: 0 messages with 0 accounts" in shoal(*JSONL, "deliver", "--dry-run").stderr


def test_a_dry_run_tells_which_messages_have_lost_their_run(home: Path) -> None:
    (home / a_run(MONDAY).path / "accounts.parquet").unlink()
    result = shoal(*JSONL, "deliver", "--dry-run")
    assert "jsonl: 0 messages with 0 accounts" in result.stderr
    assert "c1.1 cannot: the files of a run are gone" in result.stderr


# -- switches ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("home")
def test_a_sink_is_switched_off_and_on() -> None:
    off = shoal(*JSONL, "deliver", "--disable", "jsonl", "--reason", "being moved", "--author", "ada")
    assert off.exit_code == 0
    result = shoal(*JSONL, "deliver")
    assert result.exit_code == 8
    assert "by ada: being moved" in result.stdout
    assert "by ada: being moved" in shoal(*JSONL, "status").stdout
    found = data(*JSONL, "deliver", "--list")["sinks"]["jsonl"]
    assert (found["off_by"], found["off_because"], found["waiting"]) == ("ada", "being moved", 2)
    assert shoal(*JSONL, "deliver", "--enable", "jsonl").exit_code == 0
    assert shoal(*JSONL, "deliver").exit_code == 0


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("deliver",), "nothing says where confirmed campaigns go"),
        ((*JSONL, "deliver", "--sink", "csv"), "the sink 'csv' is not set"),
        ((*JSONL, "deliver", "--enable", "kafka"), "no sink is called 'kafka'"),
        ((*JSONL, "deliver", "--enable", "jsonl"), "is not switched off"),
        ((*JSONL, "deliver", "--disable", "jsonl"), "needs a reason"),
        ((*JSONL, "deliver", "--list", "--dry-run"), "one at a time"),
        ((*JSONL, "deliver", "--campaign", "c1"), "--campaign goes with --replay"),
        ((*JSONL, "deliver", "--reason", "r"), "--reason goes with --disable"),
        (("--set", "delivery.sinks=fax", "deliver"), "no sink is called 'fax'"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_in_words(arguments: tuple[str, ...], said: str) -> None:
    result = shoal(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_feed_can_be_switched_though_nothing_is_sent_to_it() -> None:
    from enforcement.feed_log import FEED as SERVED

    assert FEED == SERVED
    assert FEED not in MAKERS


# -- Prefect -------------------------------------------------------------------------------------------


def test_the_hand_off_is_deployed_where_a_sink_is_set(home: Path) -> None:
    import yaml
    from prefect.flows import load_flow_from_entrypoint

    from flows.serve import DELIVERY, DELIVERY_CRON, NAME, RETENTION, deployments

    assert [one.name for one in deployments()] == [NAME, RETENTION]
    nightly, delivery, _ = deployments({"delivery.sinks": "jsonl"})
    assert (nightly.name, delivery.name) == (NAME, DELIVERY)
    assert delivery.parameters == {"flags": {"delivery.sinks": "jsonl"}}
    assert (delivery.entrypoint, delivery.concurrency_limit) == ("flows.deliver.deliver_messages", 1)
    root = Path(__file__).parent.parent
    every = yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]
    (written,) = (one for one in every if one["name"] == DELIVERY)
    assert written["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert written["schedules"] == [{"cron": DELIVERY_CRON, "timezone": "UTC"}]
    assert load_flow_from_entrypoint(written["entrypoint"]).name == "deliver-messages"


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_the_flow_sends_and_fails_while_something_is_pending(home: Path) -> None:
    from flows.deliver import deliver_messages

    flags = {"home": str(home), "delivery.sinks": "jsonl"}
    blocked = block(home)
    with pytest.raises(DeliveryPendingError):
        deliver_messages(flags)
    blocked.unlink()
    assert shoal(*JSONL, "deliver", "--replay").exit_code == 0
    with opened(home) as store:
        store.undo(store.standing("c2")["c2"].id, reason="no", author="bo")
    assert deliver_messages(flags)["jsonl"]["delivered"] == 3
