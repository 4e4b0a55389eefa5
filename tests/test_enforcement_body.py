"""What receivers get is what its published schema says, and says nothing of customers' texts."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from handoff_examples import Recorder
from jsonschema import Draft202012Validator, FormatChecker
from run_examples import GRADES, HOSTILE, publish_example
from store_examples import MONDAY, TUESDAY

from campaigns.entries import Verdict
from campaigns.settings import DeliverySettings
from campaigns.store import Store
from enforcement.body import json_schema
from enforcement.outbox import drain

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A campaign of hostile texts: confirmed, withdrawn, and confirmed again after a later day named more accounts."""
    home, sink = tmp_path_factory.mktemp("home"), Recorder()
    publish_example(home, MONDAY)
    with Store.open_url(f"sqlite:///{home / 'shoal.db'}") as store:
        made = store.decide(GRADES, Verdict.CONFIRMED, reason=HOSTILE, author=HOSTILE)
        drain(store, home, [sink], DeliverySettings())
        store.undo(made.id, reason=HOSTILE, author="bo")
        drain(store, home, [sink], DeliverySettings())
        publish_example(home, TUESDAY)
        store.decide(GRADES, Verdict.CONFIRMED, reason="r", author="ada", day=MONDAY)
        drain(store, home, [sink], DeliverySettings(appeal=HOSTILE))
    return sink.bodies


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_schema", DOCS / "build_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_published_schema_is_what_the_code_says() -> None:
    module = builder()
    assert module.TARGET.read_text(encoding="utf-8") == module.schema(), "run: python docs/build_schema.py"


def test_bodies_are_what_the_schema_says(
    bodies: list[dict[str, Any]], validator: Draft202012Validator
) -> None:
    assert [(body["version"], body["effect"]) for body in bodies] == [
        (1, "confirmed"),
        (2, "withdrawn"),
        (3, "confirmed"),
    ]
    for body in bodies:
        validator.validate(body)
    assert bodies[2]["later"] == {"day": "2026-01-06", "account_ids": []}
    assert bodies[2]["appeal"] == HOSTILE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.pop("message_id"),
        lambda body: body.update(schema="shoal.message/2"),
        lambda body: body.update(version=0),
        lambda body: body.update(effect="suspected"),
        lambda body: body.update(accounts=[{"account_id": "a", "strength": 1.5, "reasons": []}]),
        lambda body: body.update(accounts=["a"]),
        lambda body: body.update(later={"day": "2026-01-06"}),
    ],
)
def test_the_schema_refuses_what_is_no_message(
    bodies: list[dict[str, Any]], validator: Draft202012Validator, spoil: Callable[[dict[str, Any]], object]
) -> None:
    spoiled = json.loads(json.dumps(bodies[0]))
    spoil(spoiled)
    assert not validator.is_valid(spoiled)


def test_a_body_holds_neither_texts_of_prompts_nor_who_decided_and_why(bodies: list[dict[str, Any]]) -> None:
    """Reasons of accounts are in Shoal's words; those of this run hold the hostile text only to be recognised."""
    for body in bodies:
        told = {name: value for name, value in body.items() if name not in ("accounts", "appeal")}
        text = json.dumps(told, ensure_ascii=False)
        for hidden in ("Grade this essay", "Grading:", "ada", "\x1b", "A summary"):
            assert hidden not in text
        assert [set(account) for account in body["accounts"]] == [
            {"account_id", "strength", "reasons"} for _ in body["accounts"]
        ]
