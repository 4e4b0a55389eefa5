from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:  # tests that need no store should not wait for its imports
    from postgres import Postgres

    from campaigns.store import Store

# How long an example takes depends on the machine and on what else it does.
settings.register_profile("shoal", deadline=None)
settings.load_profile("shoal")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole session. Without PostgreSQL installed the tests that need it fail, loudly."""
    from postgres import running_postgres

    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind that the store supports."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shoal.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.empty() as url:
            yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    from campaigns.store import Store

    with Store.open_url(store_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One temporary Prefect server for all tests of a module."""
    from flows.prefect_settings import prepare

    before = dict(os.environ)
    prepare(tmp_path_factory.mktemp("prefect"))
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """For processes that start at once: they share one import of the store and nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["campaigns.publish", "enforcement.outbox"])
    return context
