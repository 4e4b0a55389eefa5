"""Samples written by hand after each project's documented schema."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_examples import DAY, as_json, jsonl, new_run, table, take
from ingest_examples import row as ingest_row

from campaigns import files
from campaigns.records import Reason
from campaigns.settings import Settings
from ingest.adapters import Shape, adapter, conversation, detect, text_of
from ingest.stage import ingest, only_day

OPENAI = {
    "id": "req-1",
    "created": 1767607200,
    "model": "gpt-large",
    "user": "user-7",
    "messages": [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "First question?"},
        {"role": "assistant", "content": "First answer."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Second question,"},
                {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
                {"type": "text", "text": "in two parts?"},
            ],
        },
    ],
    "temperature": 0.2,
    "usage": {"prompt_tokens": 31, "completion_tokens": 12},
    "ip": "192.0.2.9",
}
ANTHROPIC = {
    "request_id": "req-2",
    "created_at": "2026-01-05T10:00:01Z",
    "model": "model-large",
    "max_tokens": 1024,
    "system": [{"type": "text", "text": "You review code.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "Review this diff."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "read", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "file text"}]},
    ],
    "metadata": {"user_id": "user-8"},
    "usage": {"input_tokens": 50, "output_tokens": 7},
}


def text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


ARRAY = {"arrayValue": {"values": [{"stringValue": "chat"}]}}
SPAN = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": "chat gpt-large",
    "kind": 3,
    "startTimeUnixNano": "1767607200123456789",
    "endTimeUnixNano": "1767607201000000000",
    "attributes": [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "gpt-large"),
        text("gen_ai.system_instructions", json.dumps([{"type": "text", "content": "Be kind."}])),
        text(
            "gen_ai.input.messages",
            json.dumps(
                [
                    {"role": "user", "parts": [{"type": "text", "content": "Weather in Oslo?"}]},
                    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "weather"}]},
                    {
                        "role": "tool",
                        "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}],
                    },
                ]
            ),
        ),
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "97"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 52}},
        text("user.id", "user-9"),
        text("client.address", "2001:db8::7"),
        text("user_agent.original", "sdk/2.0"),
    ],
    "events": [],
    "status": {},
}
OTHER_SPANS = [
    {"traceId": "aa", "spanId": "01", "name": "SELECT", "attributes": [text("db.system", "postgresql")]},
    {
        "traceId": "aa",
        "spanId": "02",
        "name": "invoke_agent",
        "attributes": [text("gen_ai.operation.name", "invoke_agent"), SPAN["attributes"][4]],  # type: ignore[index]
    },
]
OTLP = {
    "resourceSpans": [
        {
            "resource": {"attributes": [text("service.name", "assistant")]},
            "scopeSpans": [{"scope": {"name": "genai"}, "spans": [*OTHER_SPANS, SPAN]}],
        }
    ]
}
CONSOLE_SPAN = {
    "name": "chat",
    "context": {"trace_id": "0x5b", "span_id": "0xee"},
    "start_time": "2026-01-05T10:00:00.000000Z",
    "attributes": {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]',
        "gen_ai.usage.input_tokens": 3,
    },
    "resource": {"attributes": {"user.id": "u1"}},
}
LITELLM = {
    "request_id": "chatcmpl-123",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 0.00012,
    "total_tokens": 43,
    "prompt_tokens": 31,
    "completion_tokens": 12,
    "startTime": "2026-01-05T10:00:00.071000Z",
    "endTime": "2026-01-05T10:00:01.510000Z",
    "model": "gpt-large",
    "model_group": "large",
    "user": "default_user_id",
    "metadata": {"user_api_key_alias": "team key"},
    "cache_hit": "False",
    "request_tags": [],
    "team_id": "team-1",
    "end_user": "customer-3",
    "requester_ip_address": "192.0.2.44",
    "messages": [{"role": "system", "content": "Grade."}, {"role": "user", "content": "Grade this answer."}],
    "response": {},
}


def only(shape: Shape, record: dict[str, Any]) -> dict[str, Any]:
    (found,) = adapter(shape)(record)
    return {name: value for name, value in found.items() if value is not None}


def taken(tmp_path: Path, *records: dict[str, Any]) -> list[dict[str, Any]]:
    (tmp_path / "t.jsonl").write_bytes(jsonl(records))
    return take(tmp_path / "run", tmp_path / "t.jsonl").prompts()


def test_shapes_are_told_apart() -> None:
    assert detect(OPENAI) is detect(ANTHROPIC) is Shape.CHAT
    assert detect(OTLP) is detect(SPAN) is Shape.OTEL
    assert detect(LITELLM) is Shape.LITELLM
    assert detect(["prompt_id", "prompt", "messages"]) is Shape.TRAFFIC
    assert detect([]) is Shape.TRAFFIC


def test_openai_body() -> None:
    assert only(Shape.CHAT, OPENAI) == {
        "prompt_id": "req-1",
        "account_id": "user-7",
        "created_at": 1767607200,
        "prompt": "Second question,\nin two parts?",
        "system_prompt": "Answer briefly.",
        "model": "gpt-large",
        "ip": "192.0.2.9",
        "input_tokens": 31,
        "output_tokens": 12,
    }


def test_anthropic_body_and_a_tool_result_is_no_prompt() -> None:
    assert only(Shape.CHAT, ANTHROPIC) == {
        "prompt_id": "req-2",
        "account_id": "user-8",
        "created_at": "2026-01-05T10:00:01Z",
        "prompt": "Review this diff.",
        "system_prompt": "You review code.",
        "model": "model-large",
        "input_tokens": 50,
        "output_tokens": 7,
    }


def test_chat_bodies_through_the_stage(tmp_path: Path) -> None:
    first, second = taken(tmp_path, OPENAI, ANTHROPIC)
    assert first["created_at"] == datetime.fromisoformat("2026-01-05T10:00:00Z")
    assert (first["account_id"], second["account_id"]) == ("user-7", "user-8")
    assert not (tmp_path / "run" / "extras.parquet").exists()


def test_otlp_export(tmp_path: Path) -> None:
    (found,) = taken(tmp_path, OTLP)
    expected = {
        "prompt_id": "5b8efff798038103d269b633813fc60c:eee19b7ec3c1b174",
        "account_id": "user-9",
        "created_at": datetime.fromisoformat("2026-01-05T10:00:00.123456Z"),
        "prompt": "Weather in Oslo?",
        "system_prompt": "Be kind.",
        "model": "gpt-large",
        "user_agent": "sdk/2.0",
        "ip": "2001:db8::7",
        "input_tokens": 97,
        "output_tokens": 52,
    }
    assert {name: found[name] for name in expected} == expected


def test_structured_attributes_and_events() -> None:
    messages = {
        "arrayValue": {
            "values": [
                {
                    "kvlistValue": {
                        "values": [
                            text("role", "user"),
                            {
                                "key": "parts",
                                "value": {
                                    "arrayValue": {
                                        "values": [
                                            {
                                                "kvlistValue": {
                                                    "values": [
                                                        text("type", "text"),
                                                        text("content", "Hello?"),
                                                    ]
                                                }
                                            }
                                        ]
                                    }
                                },
                            },
                        ]
                    }
                }
            ]
        }
    }
    event = {
        "name": "gen_ai.client.inference.operation.details",
        "attributes": [{"key": "gen_ai.input.messages", "value": messages}],
    }
    span = SPAN | {
        "attributes": [text("gen_ai.operation.name", "chat"), text("enduser.id", "e1")],
        "events": [event],
    }
    found = only(Shape.OTEL, span)
    assert (found["prompt"], found["account_id"]) == ("Hello?", "e1")


def test_span_as_the_console_exporter_writes_it(tmp_path: Path) -> None:
    (found,) = taken(tmp_path, CONSOLE_SPAN)
    assert (found["prompt_id"], found["account_id"], found["prompt"]) == ("0x5b:0xee", "u1", "Hi")


def test_span_whose_text_was_not_recorded_is_heard_of(tmp_path: Path) -> None:
    silent = SPAN | {
        "spanId": "ff",
        "attributes": [text("gen_ai.operation.name", "chat"), text("user.id", "u")],
    }
    (tmp_path / "t.jsonl").write_bytes(jsonl([SPAN, silent]))
    found = take(tmp_path / "run", tmp_path / "t.jsonl")
    assert found.faults() == [(f"{SPAN['traceId']}:ff", 1, str(Reason.NULL))]
    assert found.counts.accepted == 1


def test_litellm_row(tmp_path: Path) -> None:
    (found,) = taken(tmp_path, LITELLM)
    expected = {
        "prompt_id": "chatcmpl-123",
        "account_id": "customer-3",
        "created_at": datetime.fromisoformat("2026-01-05T10:00:00.071Z"),
        "prompt": "Grade this answer.",
        "system_prompt": "Grade.",
        "organization_id": "team-1",
        "api_key_id": LITELLM["api_key"],
        "model": "gpt-large",
        "ip": "192.0.2.44",
        "input_tokens": 31,
        "output_tokens": 12,
    }
    assert {name: found[name] for name in expected} == expected


def test_litellm_keeps_newer_requests_elsewhere() -> None:
    body = {"model": "gpt-large", "messages": [{"role": "user", "content": "Kept here."}]}
    record = LITELLM | {"messages": "{}", "proxy_server_request": json.dumps(body), "end_user": ""}
    found = only(Shape.LITELLM, record)
    assert (found["prompt"], found["account_id"]) == ("Kept here.", "default_user_id")


@pytest.mark.parametrize(
    "call", ["aembedding", "aimage_generation", "amoderation", "atranscription", "arerank"]
)
def test_litellm_calls_that_are_no_prompts_are_no_rows(tmp_path: Path, call: str) -> None:
    other = LITELLM | {"request_id": "x", "call_type": call, "messages": []}
    (tmp_path / "t.jsonl").write_bytes(jsonl([other, LITELLM]))
    assert take(tmp_path / "run", tmp_path / "t.jsonl").counts.rows_in == 1


def test_litellm_as_csv_and_parquet(tmp_path: Path) -> None:
    flat = {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in LITELLM.items()}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(flat))
    writer.writeheader()
    writer.writerow(flat)
    (tmp_path / "t.csv").write_text(out.getvalue())
    pq.write_table(
        pa.Table.from_pylist([LITELLM | {"metadata": None, "response": None}]), tmp_path / "t.parquet"
    )
    first = take(tmp_path / "a", tmp_path / "t.csv").prompts()
    assert first == take(tmp_path / "b", tmp_path / "t.parquet").prompts()
    assert first[0]["prompt"] == "Grade this answer."


def test_the_account_can_be_looked_for_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(jsonl([LITELLM]))
    run = new_run(tmp_path / "run")
    ingest(run, Settings(), str(tmp_path / "t.jsonl"), account_fields=["metadata.user_api_key_alias"])
    assert run.prompts(["account_id"]).to_pylist() == [{"account_id": "team key"}]


def test_a_shape_can_be_forced(tmp_path: Path) -> None:
    ambiguous = OPENAI | {"prompt": "not this one"}
    (tmp_path / "t.jsonl").write_bytes(jsonl([ambiguous]))
    run = new_run(tmp_path / "run")
    ingest(run, Settings(), str(tmp_path / "t.jsonl"), shape=Shape.CHAT)
    assert run.prompts(["prompt"]).to_pylist() == [{"prompt": "Second question,\nin two parts?"}]


def test_only_day_of_adapted_traffic(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(jsonl([OTLP]))
    assert only_day(str(tmp_path / "t.jsonl")) == DAY


@pytest.mark.parametrize(
    "messages",
    [
        None,
        5,
        "text",
        [],
        [1, None, "x"],
        [{"role": "user"}],
        [{"role": "user", "content": 5}],
        {"role": "user"},
        "[1",
    ],
)
def test_malformed_messages_hold_no_prompt(messages: Any) -> None:
    assert conversation(messages) == (None, None)


def test_text_of_parts() -> None:
    assert text_of("plain") == "plain"
    assert (
        text_of(["a", {"type": "text", "text": "b"}, {"type": "input_text", "text": "c"}, {"type": "text"}])
        == "a\nb\nc"
    )
    assert text_of([{"type": "image"}]) is None


def test_instructions_that_look_like_json_stay_text() -> None:
    assert conversation([], '{"style": "short"}') == ('{"style": "short"}', None)
    assert conversation([], "[Be kind.]") == ("[Be kind.]", None)


@pytest.mark.parametrize(
    "change",
    [
        {"traceId": ["5b"]},
        {"spanId": {"low": 1}},
        {"attributes": [*SPAN["attributes"][1:], {"key": "gen_ai.operation.name", "value": ARRAY}]},  # type: ignore[misc]
    ],
)
def test_odd_span_costs_at_most_itself(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "t.jsonl").write_bytes(jsonl([SPAN, SPAN | {"spanId": "ff"} | change]))
    counts = take(tmp_path / "run", tmp_path / "t.jsonl").counts
    assert (counts.rows_in, counts.accepted + counts.copies + counts.quarantined) == (2, 2)
    assert counts.accepted == 1


def test_span_ids_may_be_numbers() -> None:
    assert only(Shape.OTEL, SPAN | {"traceId": 17, "spanId": 4})["prompt_id"] == "17:4"


WORDS = sorted(
    {
        "messages", "content", "parts", "role", "user", "system", "text", "type", "metadata", "metadata.user_id",
        "attributes", "resourceSpans", "scopeSpans", "spans", "resource", "events", "name", "key", "value",
        "arrayValue", "kvlistValue", "values", "stringValue", "intValue", "context", "trace_id", "spanId",
        "traceId", "startTimeUnixNano", "gen_ai.operation.name", "gen_ai.input.messages", "chat", "call_type",
        "gen_ai.client.inference.operation.details", "gen_ai.system_instructions", "usage", "input_tokens",
        "request_id", "startTime", "proxy_server_request", "prompt_tokens", "created_at", "id", "prompt", "model",
        "account_id", "ip", "user.id", "end_user",
    }
)  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.sampled_from([*WORDS, "", "[", '{"role": "user"}', "[[[[", '[{"role": ["user"]}]', "\ud800", "\x00"])
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
TEMPLATES = {
    Shape.TRAFFIC: ingest_row(0),
    Shape.CHAT: OPENAI,
    Shape.OTEL: OTLP,
    Shape.LITELLM: LITELLM,
}


def changed(data: st.DataObject, value: Any) -> Any:
    """`value` with something else in one place, at any depth."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 4)) == 0:
        return data.draw(ANY_JSON)
    at = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    copy: Any = value.copy()
    copy[at] = changed(data, value[at])
    return copy


@pytest.mark.parametrize(
    ("shape", "good"),
    [
        (Shape.CHAT, OPENAI),
        (Shape.CHAT, ANTHROPIC),
        (Shape.OTEL, OTLP),
        (Shape.OTEL, CONSOLE_SPAN),
        (Shape.LITELLM, LITELLM),
    ],
)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_adapters_take_any_json(shape: Shape, good: dict[str, Any], data: st.DataObject) -> None:
    record = (
        data.draw(st.dictionaries(st.sampled_from(WORDS), ANY_JSON)) if data.draw(st.booleans()) else good
    )
    record = changed(data, record)
    if isinstance(record, dict):  # the readers hand over nothing else
        assert all(isinstance(found, dict) for found in adapter(shape)(record))


@pytest.mark.parametrize("shape", list(Shape))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_one_odd_record_never_stops_a_run(
    shape: Shape, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Something else anywhere in a good record, between good ones: rows or quarantine, never an exception."""
    folder = tmp_path_factory.mktemp("odd")
    good = TEMPLATES[shape]
    odd = changed(data, good)
    (folder / "t.jsonl").write_text("\n".join(json.dumps(one, default=str) for one in (good, odd, good)))
    run = new_run(folder / "run")
    knobs = Settings(ingest={"max_quarantine_share": 1.0})
    counts = ingest(run, knobs, str(folder / "t.jsonl"), shape=shape)
    assert counts.balanced
    assert counts.accepted >= 1


def test_any_depth_costs_one_record_at_most(tmp_path: Path) -> None:
    """Nesting that can just be parsed may be too deep for what comes after."""
    depths = [*range(700, 1_000), 100_000]
    deep = [
        as_json(ingest_row(depth))[:-1] + ', "extra": ' + "[" * depth + "]" * depth + "}\n"
        for depth in depths
    ]
    (tmp_path / "t.jsonl").write_text("".join([as_json(ingest_row(0)) + "\n", *deep]))
    counts = take(tmp_path / "run", tmp_path / "t.jsonl").counts
    assert (counts.rows_in, counts.by_reason) == (
        1 + len(depths),
        {str(Reason.BAD_VALUE): counts.quarantined},
    )
    assert 0 < counts.quarantined < len(depths)


def test_parquet_logs_may_hold_times_and_broken_text(tmp_path: Path) -> None:
    moment = datetime.fromisoformat("2026-01-05T10:00:00.071Z")
    texts = pa.array([b'[{"role": "user", "content": "Fine."}]', b"\xff\xfe"], pa.binary())
    sent = pa.table(
        {
            "request_id": ["r1", "r2"],
            "startTime": pa.array([moment, moment], pa.timestamp("ns", "UTC")),
            "end_user": ["u1", "u2"],
            "messages": pa.Array.from_buffers(pa.string(), 2, texts.buffers()),  # text, but nobody checked
        }
    )
    pq.write_table(sent, tmp_path / "t.parquet")
    found = take(tmp_path / "run", tmp_path / "t.parquet")
    assert [(one["prompt"], one["created_at"]) for one in found.prompts()] == [("Fine.", moment)]
    assert found.faults() == [(None, 1, str(Reason.INVALID_UTF8))]


def test_broken_text_in_an_unknown_nested_column_costs_nothing(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"fine", b"\xff"], pa.binary()).buffers())
    tags = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), broken)
    pq.write_table(table([ingest_row(0), ingest_row(1)]).append_column("tags", tags), tmp_path / "t.parquet")
    found = take(tmp_path / "run", tmp_path / "t.parquet", partitions=1)
    assert found.counts.accepted == 2
    extras = files.read_parquet(found.run.path / "extras.parquet")
    assert extras["tags"].to_pylist() == ['["fine"]', None]


def test_deeply_nested_record_is_set_aside(tmp_path: Path) -> None:
    deep: dict[str, Any] = {"stringValue": "x"}
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    span = SPAN | {"attributes": [{"key": "deep", "value": deep}]}
    (tmp_path / "t.jsonl").write_bytes(jsonl([SPAN, span]))
    found = take(tmp_path / "run", tmp_path / "t.jsonl")
    assert found.counts.accepted == 1
