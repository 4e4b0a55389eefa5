"""A labeller behind an OpenAI-compatible HTTP service (`POST {base_url}/chat/completions`).

Made to be of no consequence when it fails: a service that is slow, broken, full or lying leaves the deterministic
labels as they are and is counted. The key is read from the environment, sent in one header and kept nowhere else.
"""

from __future__ import annotations

import ipaddress
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import httpx
from pydantic import SecretStr

from campaigns.errors import UsageError
from campaigns.settings import LabelSettings
from labeling.label_cache import LabelCache
from labeling.labeller import FamilyDigest, Polish, Polished, checked
from labeling.question import PROMPT_VERSION, request

_MOST_BYTES: Final = 262_144
"""Of one answer; a label needs a thousand."""

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
"""Seconds before the first further attempt, doubled each time; also the most of a `Retry-After` that is kept."""

_GIVE_UP_AFTER: Final = 3
"""Families in a row that the service fails before it is left alone for the rest of the run."""

_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


class _Reply(NamedTuple):
    """Either the text of an answer or why there is none, and whether to ask again and after how many seconds."""

    text: str = ""
    failure: str = ""
    again: bool = False
    wait: float = 0.0


def labeller_of(
    settings: LabelSettings, cache: Path, environment: Mapping[str, str]
) -> OpenAILabeller | None:
    """The labeller that the settings ask for; None if `llm_url` is empty.

    Args:
        cache: folder of remembered answers.
        environment: where the key is looked up by the name in `llm_key_variable`.

    Raises:
        UsageError: a URL that is neither https nor loopback, no model, or a key that no header can carry.
    """
    if not settings.llm_url:
        return None
    return OpenAILabeller(
        settings, LabelCache(cache), SecretStr(environment.get(settings.llm_key_variable, ""))
    )


class OpenAILabeller:
    """Asks one family after the other; see `labeling.labeller.Labeller`."""

    def __init__(
        self,
        settings: LabelSettings,
        cache: LabelCache,
        key: SecretStr,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = _endpoint(settings.llm_url)
        if not settings.llm_model:
            raise UsageError(
                "`label.llm_url` is set, but no model",
                where="label.llm_model",
                hint="Name a model that the service knows, or clear `label.llm_url`.",
            )
        self._key = key
        if not all(33 <= ord(character) < 127 for character in key.get_secret_value()):
            raise UsageError(
                "the key of the labelling service holds characters that no HTTP header can carry",
                where=f"environment {settings.llm_key_variable}",
                hint="Look for a line break or a space round the key.",
            )
        self._settings = settings
        self._cache = cache
        self._sleep = sleep
        self._clock = clock

    def label(self, families: Sequence[FamilyDigest]) -> Polish:
        answers: list[Polished | None] = []
        failures: Counter[str] = Counter()
        cached = asked = skipped = in_a_row = 0
        deadline = self._clock() + self._settings.llm_budget_seconds
        try:
            opened = self._client()
        except (ImportError, OSError, ValueError) as error:
            raise UsageError(
                f"no HTTP client can be made for label.llm_url: {type(error).__name__}",
                hint="Look at the proxy and certificate variables of the environment.",
            ) from None
        with opened as client:
            for family in families:
                body = request(family, self._settings.llm_model, self._settings.llm_max_tokens)
                key = self._cache.key(f"{self._url} {self._settings.llm_model}", PROMPT_VERSION, body)
                known = self._cache.get(key)
                if known is not None:
                    cached += 1
                    answers.append(known.polished)
                    continue
                spent = asked >= self._settings.llm_max_families or in_a_row >= _GIVE_UP_AFTER
                if spent or self._clock() >= deadline:
                    skipped += 1
                    answers.append(None)
                    continue
                asked += 1
                reply = self._ask(client, json.dumps(body, ensure_ascii=False).encode(), deadline)
                answer = None if reply.failure else checked(reply.text)
                answers.append(answer)
                if reply.failure:
                    in_a_row += 1
                    failures[reply.failure] += 1
                    continue
                in_a_row = 0
                self._cache.put(key, answer)
                if answer is None:
                    failures["answer refused"] += 1
        return Polish(tuple(answers), cached, asked, skipped, dict(failures))

    def _client(self) -> httpx.Client:
        """No redirects, which could carry the key elsewhere, and no proxy between this machine and itself."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "shoal"}
        if self._key.get_secret_value():
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        return httpx.Client(
            headers=headers,
            timeout=self._settings.llm_timeout_seconds,
            follow_redirects=False,
            trust_env=self._url.scheme == "https",
        )

    def _ask(self, client: httpx.Client, body: bytes, deadline: float) -> _Reply:
        reply = self._once(client, body)
        for attempt in range(self._settings.llm_retries):
            wait = min(max(reply.wait, _FIRST_WAIT * 2**attempt), _LONGEST_WAIT)
            if not reply.again or self._clock() + wait >= deadline:
                break
            self._sleep(wait)
            reply = self._once(client, body)
        return reply

    def _once(self, client: httpx.Client, body: bytes) -> _Reply:
        until = self._clock() + self._settings.llm_timeout_seconds
        try:
            with client.stream("POST", self._url, content=body) as response:
                if response.status_code != httpx.codes.OK:
                    again = response.status_code in _TRANSIENT
                    return _Reply(failure=f"status {response.status_code}", again=again, wait=_wait(response))
                received = bytearray()
                for chunk in response.iter_raw():
                    received += chunk
                    if len(received) > _MOST_BYTES:
                        return _Reply(failure="answer too large")
                    if self._clock() > until:
                        return _Reply(failure="timeout", again=True)
        except httpx.TimeoutException:
            return _Reply(failure="timeout", again=True)
        except httpx.TransportError as error:
            return _Reply(failure=f"no connection ({type(error).__name__})", again=True)
        return _content(bytes(received))


def _endpoint(base_url: str) -> httpx.URL:
    """Where to post. The key and the prompts travel there, so it is https, or this machine."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    safe = url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host))
    if not safe or not url.host or url.userinfo or url.query or url.fragment:
        raise UsageError(
            "the URL of the labelling service is not one that prompts and a key may be sent to",
            where="label.llm_url",
            hint="Give an https URL (http only for this machine) without user, query or fragment, "
            "for example https://HOST/v1.",
        )
    return url.copy_with(path=url.path.rstrip("/") + "/chat/completions")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wait(response: httpx.Response) -> float:
    """Seconds of a `Retry-After` header (RFC 9110, 10.2.3); its other form, a date, is passed over."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0.0


def _content(received: bytes) -> _Reply:
    """The first choice's text. A service that answers in another form is broken for every family."""
    try:
        content = json.loads(received)["choices"][0]["message"]["content"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return _Reply(failure="answer is no chat completion")
    return (
        _Reply(text=content) if isinstance(content, str) else _Reply(failure="answer is no chat completion")
    )
