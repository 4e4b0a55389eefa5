"""Known campaigns over HTTP, for a gateway that asks about prompts as they come.

    POST /v1/match    {"prompts": [{"id": "p1", "text": "..."}, ...]}, `Authorization: Bearer TOKEN`
    GET  /v1/health   how many wordings are sought, and since when

A request is answered whole or refused whole, with {"error": ..., "hint": ...}: 401 wrong token, 413 too large, 415 not
JSON, 422 not what is asked for. A broken prompt inside a good request has an `error` of its own and the others are
answered. A match with `"seed": true` is of a template that a partner told of; its `campaign_id` is the seed's, and it
decides nothing. The text of a prompt is never logged nor said back; only what stands in the slots of a match is.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from campaigns.errors import ShoalError, UsageError
from campaigns.settings import MatchSettings
from matching.known import KnownCampaigns
from matching.match import match, slot_values

log = logging.getLogger(__name__)

LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_EXAMPLE: Final = 'Send {"prompts": [{"id": "p1", "text": "..."}]}.'


class Source(Protocol):
    """Where the known campaigns come from."""

    def state(self) -> str:
        """Changes when there may be others; cheap."""

    def load(self) -> KnownCampaigns: ...


@dataclass(frozen=True, slots=True)
class Limits:
    max_body_bytes: int
    max_batch: int
    max_prompt_bytes: int
    poll_seconds: float

    @classmethod
    def of(cls, settings: MatchSettings, max_prompt_bytes: int) -> Limits:
        return cls(settings.max_body_bytes, settings.max_batch, max_prompt_bytes, settings.poll_seconds)


def refuse_open_door(host: str, token: str, *, without_token: bool) -> None:
    """
    Raises:
        UsageError: anybody could ask, and nobody said that this is meant.
    """
    if token:
        return
    hint = "Set SHOAL_MATCH__TOKEN, or serve on 127.0.0.1 with --no-token."
    if host not in LOOPBACK:
        raise UsageError("the service needs a token", where=host, hint=hint)
    if not without_token:
        raise UsageError("the service has no token", where=host, hint=hint)


def create_app(source: Source, token: str, limits: Limits) -> Starlette:
    """The application. It looks for newly published campaigns in the background.

    Args:
        token: what clients send; empty: anybody is answered, see `refuse_open_door`.
    """
    service = _Service(source, token, limits)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(service.keep_current())
        try:
            yield
        finally:
            task.cancel()

    return Starlette(
        routes=[
            Route("/v1/match", service.match, methods=["POST"]),
            Route("/v1/health", service.health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )


class Refusal(HTTPException):
    """The whole request is refused."""

    def __init__(self, status: int, error: str, hint: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, error, headers)
        self.hint = hint


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  -- Starlette hands over no other
    hint = error.hint if isinstance(error, Refusal) else "See POST /v1/match and GET /v1/health."
    body = {"error": error.detail, "hint": hint}
    return JSONResponse(body, error.status_code, error.headers)


class _Service:
    def __init__(self, source: Source, token: str, limits: Limits) -> None:
        self._source = source
        self._token = token.encode()
        self._limits = limits
        self._state = source.state()
        self._known = source.load()
        self._since = datetime.now(UTC)

    async def keep_current(self) -> None:
        """Load again whenever the state has changed. A store that cannot be read leaves what is known in force."""
        while True:
            await asyncio.sleep(self._limits.poll_seconds)
            try:
                await run_in_threadpool(self._renew)
            except ShoalError as error:
                log.warning("known campaigns could not be loaded again: %s", error)

    def _renew(self) -> None:
        state = self._source.state()
        if state != self._state:
            self._known, self._since, self._state = self._source.load(), datetime.now(UTC), state

    async def health(self, _: Request) -> Response:
        known = self._known
        return JSONResponse(
            {
                "status": "ok",
                "campaigns": known.n_campaigns,
                "seeds": known.n_seeds,
                "wordings": known.n_wordings,
                "since": self._since.isoformat(),
            }
        )

    async def match(self, request: Request) -> Response:
        self._check_token(request)
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise Refusal(415, "the body is not said to be JSON", "Send Content-Type: application/json.")
        body = await self._body(request)
        answer = await run_in_threadpool(self._answer, body)
        return Response(answer, media_type="application/json")

    def _check_token(self, request: Request) -> None:
        if not self._token:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise Refusal(
                401,
                "the token is missing or wrong",
                "Send Authorization: Bearer TOKEN.",
                {"WWW-Authenticate": "Bearer"},
            )

    async def _body(self, request: Request) -> bytes:
        """The body, read no further than it may go; its announced length is not trusted."""
        limit = self._limits.max_body_bytes
        announced = request.headers.get("content-length", "")
        chunks: list[bytes] = []
        size = int(announced) if announced.isdecimal() else 0
        if size <= limit:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    break
                chunks.append(chunk)
        if size > limit:
            raise Refusal(413, f"the body is longer than {limit} bytes", "Send fewer prompts at a time.")
        return b"".join(chunks)

    def _answer(self, body: bytes) -> bytes:
        prompts = self._prompts(body)
        faults = [_fault(prompt, self._limits.max_prompt_bytes) for prompt in prompts]
        texts = [prompt["text"] for prompt, fault in zip(prompts, faults, strict=True) if not fault]
        found = iter(_found(texts, self._known))
        results = [
            {"id": _id(prompt), **({"error": fault} if fault else {"matches": next(found)})}
            for prompt, fault in zip(prompts, faults, strict=True)
        ]
        return json.dumps({"results": results}, ensure_ascii=True).encode()

    def _prompts(self, body: bytes) -> list[Any]:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal(422, "the body is not JSON", _EXAMPLE) from None
        prompts = value.get("prompts") if isinstance(value, dict) else None
        if not isinstance(prompts, list):
            raise Refusal(422, "the body has no list `prompts`", _EXAMPLE)
        most = self._limits.max_batch
        if len(prompts) > most:
            raise Refusal(413, f"{len(prompts)} prompts in one request", f"Send at most {most} at a time.")
        return prompts


def _fault(prompt: Any, max_bytes: int) -> str:
    """Why a prompt cannot be matched; empty: it can."""
    if not isinstance(prompt, dict):
        return "not an object"
    text = prompt.get("text")
    if not isinstance(text, str):
        return "no string `text`"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "`text` is not valid Unicode"
    return f"`text` is longer than {max_bytes} bytes" if size > max_bytes else ""


def _id(prompt: Any) -> str | int | None:
    """What names the prompt to the client, if it can be said back; results come in the order of the prompts anyway."""
    name = prompt.get("id") if isinstance(prompt, dict) else None
    return name if isinstance(name, str | int) else None


def _found(texts: list[str], known: KnownCampaigns) -> list[list[dict[str, Any]]]:
    """The matches of each text, the strongest first."""
    if not texts:
        return []
    matches = match(texts, known)
    answers: list[list[dict[str, Any]]] = [[] for _ in texts]
    columns = (matches.texts.tolist(), matches.owners.tolist(), matches.whole.tolist())
    strengths = np.round(matches.strength, 6).tolist()
    slots = slot_values(texts, matches).to_pylist()
    for text, number, whole, strength, values in zip(*columns, strengths, slots, strict=True):
        owner = known.owners[number]
        answers[text].append(
            {
                "campaign_id": owner.campaign_id,
                "variant": owner.variant,
                "strength": strength,
                "whole": whole,
                "seed": owner.seed,
                "slots": values,
                "how": owner.how.value,
            }
        )
    return answers
