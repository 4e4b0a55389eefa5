"""The feed against requests made from its own document: no answer is a fault, and each is as the document says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from feed_examples import CAMPAIGNS, FeedExample, a_feed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks

pytestmark = pytest.mark.slow

EXAMPLES: Final = 200
CONFORMANCE: Final = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)
"""Not that every value which does not fit is refused: unknown parameters are passed over, as HTTP has it."""


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeedExample]:
    with a_feed(tmp_path_factory.mktemp("home")) as made:
        for name in CAMPAIGNS:
            made.confirm(name)
        yield made


@pytest.fixture(scope="module")
def operations(feed: FeedExample) -> dict[str, Any]:
    document = schemathesis.openapi.from_asgi("/openapi.json", feed.app)
    return {found.ok().label: found.ok() for found in document.get_all_operations()}


CAMPAIGNS_PATH, ACCOUNTS_PATH, HEALTH_PATH = (
    "GET /v1/campaigns",
    "GET /v1/accounts/{account_id}",
    "GET /v1/health",
)
EXPECTED: Final = {
    (CAMPAIGNS_PATH, GenerationMode.POSITIVE): {200, 422},
    (CAMPAIGNS_PATH, GenerationMode.NEGATIVE): {200, 422},
    (ACCOUNTS_PATH, GenerationMode.POSITIVE): {200, 404},
    (ACCOUNTS_PATH, GenerationMode.NEGATIVE): {200, 404},
    (HEALTH_PATH, GenerationMode.POSITIVE): {200},
}


def test_the_document_has_every_path_that_is_fuzzed(operations: dict[str, Any]) -> None:
    assert set(operations) == {CAMPAIGNS_PATH, ACCOUNTS_PATH, HEALTH_PATH}


@pytest.mark.parametrize(("path", "mode"), EXPECTED)
def test_requests_of_every_shape_are_answered_as_the_document_says(
    path: str, mode: GenerationMode, feed: FeedExample, operations: dict[str, Any]
) -> None:
    answers = Counter[int]()
    told = feed.read_all()[1]

    @given(
        case=operations[path].as_strategy(generation_mode=mode),
        kind=st.sampled_from(["both", "both", "both", "campaigns", "accounts", "over", "wrong"]),
        known=st.booleans(),
    )
    @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any, kind: str, known: bool) -> None:
        if path == CAMPAIGNS_PATH and known:
            case.query = {**(case.query or {}), "cursor": told}
        if path == ACCOUNTS_PATH and known:
            case.path_parameters = {"account_id": "acct-0"}
        headers = {"Authorization": f"Bearer {feed.tokens[kind]}"}
        answers[case.call_and_validate(headers=headers, checks=CONFORMANCE).status_code] += 1

    ask()
    doors = set() if path == HEALTH_PATH else {401, 403}
    assert EXPECTED[path, mode] | doors >= set(answers) >= EXPECTED[path, mode]
    assert sum(answers.values()) >= (EXAMPLES if path != HEALTH_PATH else 1)
