"""Shapes that people already have, mapped to traffic rows.

| shape | told by | one row is |
| --- | --- | --- |
| traffic | the contract's own columns | one row |
| chat | `messages` and no `prompt` | one logged OpenAI or Anthropic request body |
| otel | `resourceSpans`, or a span with `attributes` | one GenAI inference span |
| litellm | `request_id` and `startTime` | one row of LiteLLM's spend log |

One request is one prompt: **the last user message that holds text**. Earlier turns were the prompts of
earlier requests, and a turn that only hands back a tool's result is no prompt. System and developer messages
(Anthropic's `system` and OpenTelemetry's `gen_ai.system_instructions` too) become `system_prompt`. Text parts
are joined by a newline; images and other parts are passed over.

Records that are not prompts at all (database spans, tool calls, embeddings, image and moderation calls) are
no rows. A request whose text was not recorded is a row without a prompt and ends in quarantine: a log that
lacks its content should be heard of.

Sources: the OpenAI chat completions and Anthropic messages references; OpenTelemetry's semantic conventions
for generative AI spans with the JSON encoding of OTLP; the `LiteLLM_SpendLogs` table of the LiteLLM proxy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from campaigns.records import REQUIRED_COLUMNS, TRAFFIC

Record = Mapping[str, Any]
Row = dict[str, Any]

MESSAGES = "gen_ai.input.messages"
INSTRUCTIONS = "gen_ai.system_instructions"
DETAILS_EVENT = "gen_ai.client.inference.operation.details"
INFERENCE = frozenset({"chat", "text_completion", "generate_content"})
_NOT_PROMPTS = ("embedding", "image", "transcription", "speech", "moderation", "rerank")
_OPTIONAL = tuple(name for name in TRAFFIC.names if name not in REQUIRED_COLUMNS)


class Shape(StrEnum):
    TRAFFIC = "traffic"
    CHAT = "chat"
    OTEL = "otel"
    LITELLM = "litellm"


ACCOUNT_FIELDS: dict[Shape, tuple[str, ...]] = {
    Shape.CHAT: ("account_id", "user", "safety_identifier", "metadata.user_id"),
    Shape.OTEL: ("user.id", "enduser.id"),
    Shape.LITELLM: ("end_user", "user", "api_key"),
}
"""Where the account is looked for, the most specific first; the first that is filled wins."""


def detect(names: Collection[str]) -> Shape:
    """The shape of a file whose first record has these keys or columns."""
    if "resourceSpans" in names or ("attributes" in names and ("spanId" in names or "context" in names)):
        return Shape.OTEL
    if "request_id" in names and "startTime" in names:
        return Shape.LITELLM
    if "messages" in names and "prompt" not in names:
        return Shape.CHAT
    return Shape.TRAFFIC


def adapter(shape: Shape, account_fields: Sequence[str] | None = None) -> Callable[[Record], Iterable[Row]]:
    """A function from one record to its rows: one for a request, many for an export of spans.

    Args:
        account_fields: overrides `ACCOUNT_FIELDS`; dots reach into nested objects.
    """
    fields = tuple(account_fields or ACCOUNT_FIELDS[shape])
    rows = {Shape.CHAT: _chat, Shape.OTEL: _otel, Shape.LITELLM: _litellm}[shape]
    return lambda record: rows(record, fields)


# -- chat bodies ---------------------------------------------------------------------------------------


def _chat(record: Record, account_fields: tuple[str, ...]) -> Iterator[Row]:
    system, prompt = conversation(record.get("messages"), record.get("system"))
    yield {name: record[name] for name in _OPTIONAL if name in record} | {
        "prompt_id": _name(_first(record, "prompt_id", "id", "request_id")),
        "account_id": _name(_first(record, *account_fields)),
        "created_at": _first(record, "created_at", "created", "timestamp"),
        "prompt": prompt,
        "system_prompt": system,
        "input_tokens": _first(record, "input_tokens", "usage.input_tokens", "usage.prompt_tokens"),
        "output_tokens": _first(record, "output_tokens", "usage.output_tokens", "usage.completion_tokens"),
    }


def conversation(messages: Any, instructions: Any = None) -> tuple[str | None, str | None]:
    """(system prompt, prompt) of a list of messages, which may still be JSON text."""
    system = [text_of(_parts(instructions))]
    prompt = None
    for message in _list(_parts(messages)):
        text = text_of(message.get("content", message.get("parts")))
        if message.get("role") in ("system", "developer"):
            system.append(text)
        elif message.get("role") == "user" and text:
            prompt = text
    return "\n\n".join(filter(None, system)) or None, prompt


def text_of(content: Any) -> str | None:
    """The text of a message: a string, or parts that hold it under `text` (chat) or `content` (spans)."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = []
    for part in content:
        if isinstance(part, Mapping) and part.get("type") in ("text", "input_text"):
            texts.append(part.get("text", part.get("content")))
        else:
            texts.append(part)
    texts = [text for text in texts if isinstance(text, str)]
    return "\n".join(texts) if texts else None


# -- OpenTelemetry -------------------------------------------------------------------------------------


def _otel(record: Record, account_fields: tuple[str, ...]) -> Iterator[Row]:
    for span, resource in _spans(record):
        attributes = resource | _attributes(span.get("attributes"))
        for event in _list(span.get("events")):
            if event.get("name") == DETAILS_EVENT:
                attributes |= _attributes(event.get("attributes"))
        if not _is_inference(attributes):
            continue
        system, prompt = conversation(attributes.get(MESSAGES), attributes.get(INSTRUCTIONS))
        yield {
            "prompt_id": _span_id(span),
            "account_id": _name(_first(attributes, *account_fields)),
            "created_at": _first(span, "startTimeUnixNano", "start_time"),
            "prompt": prompt,
            "system_prompt": system,
            "model": _first(attributes, "gen_ai.request.model", "gen_ai.response.model"),
            "user_agent": attributes.get("user_agent.original"),
            "ip": attributes.get("client.address"),
            "input_tokens": _first(attributes, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
            "output_tokens": _first(
                attributes, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"
            ),
        }


def _spans(record: Record) -> Iterator[tuple[Record, Row]]:
    """Each span with the attributes of its resource; a record without `resourceSpans` is one span itself."""
    if "resourceSpans" not in record:
        resource = record.get("resource")
        yield record, _attributes(resource.get("attributes")) if isinstance(resource, Mapping) else {}
        return
    for group in _list(record["resourceSpans"]):
        resource = group.get("resource")
        shared = _attributes(resource.get("attributes")) if isinstance(resource, Mapping) else {}
        for scope in _list(group.get("scopeSpans")):
            for span in _list(scope.get("spans")):
                yield span, shared


def _is_inference(attributes: Record) -> bool:
    """Agent and tool spans repeat the messages of the inference spans below them: only the latter count."""
    operation = attributes.get("gen_ai.operation.name")
    return operation in INFERENCE if isinstance(operation, str) else MESSAGES in attributes


def _span_id(span: Record) -> str | None:
    trace = _name(_first(span, "traceId", "context.trace_id"))
    own = _name(_first(span, "spanId", "context.span_id"))
    return f"{trace}:{own}" if isinstance(trace, str) and isinstance(own, str) else None


def _attributes(value: Any) -> Row:
    """OTLP's list of key and typed value, or the plain object that the SDKs' console exporters write."""
    if isinstance(value, Mapping):
        return dict(value)
    return {
        pair["key"]: _any_value(pair.get("value"))
        for pair in _list(value)
        if isinstance(pair.get("key"), str)
    }


def _any_value(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("arrayValue"), Mapping):
        return [_any_value(item) for item in _list(value["arrayValue"].get("values"))]
    if isinstance(value.get("kvlistValue"), Mapping):
        return _attributes(value["kvlistValue"].get("values"))
    return next(
        (value[key] for key in ("stringValue", "intValue", "doubleValue", "boolValue") if key in value), None
    )


# -- LiteLLM -------------------------------------------------------------------------------------------


def _litellm(record: Record, account_fields: tuple[str, ...]) -> Iterator[Row]:
    if any(kind in str(record.get("call_type")) for kind in _NOT_PROMPTS):
        return
    system, prompt = conversation(record.get("messages"))
    if prompt is None:
        # Newer proxies leave `messages` empty and keep the request as it came in.
        body = _structured(record.get("proxy_server_request"))
        if isinstance(body, Mapping):
            system, prompt = conversation(body.get("messages"), body.get("system"))
    yield {
        "prompt_id": _name(record.get("request_id")),
        "account_id": _name(_first(record, *account_fields)),
        "created_at": record.get("startTime"),
        "prompt": prompt,
        "system_prompt": system,
        "organization_id": _name(_first(record, "organization_id", "team_id")),
        "api_key_id": _name(_first(record, "api_key")),
        "model": record.get("model"),
        "ip": _first(record, "requester_ip_address"),
        "input_tokens": record.get("prompt_tokens"),
        "output_tokens": record.get("completion_tokens"),
    }


# -- helpers -------------------------------------------------------------------------------------------


def _first(record: Record, *paths: str) -> Any:
    """The first filled value. A dotted path is a key of its own (span attributes) or reaches into objects."""
    for path in paths:
        value = record.get(path)
        if value is None and "." in path:
            head, _, rest = path.partition(".")
            inner = _structured(record.get(head))
            value = _first(inner, rest) if isinstance(inner, Mapping) else None
        if value is not None and value != "":
            return value
    return None


def _name(value: Any) -> Any:
    """Ids that were logged as numbers are names all the same."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _structured(value: Any) -> Any:
    """A value that may have been stored as JSON text, as its structure; text that is not JSON stays text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _parts(value: Any) -> Any:
    """A list that may have been stored as JSON text. Any other text stays itself, JSON or not."""
    structured = _structured(value)
    return structured if isinstance(structured, list) else value


def _list(value: Any) -> list[Record]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
