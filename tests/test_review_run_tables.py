"""Tables of published runs in memory: read once, bounded, and the same as the files say."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.combine import benjamini_hochberg, cauchy
from accounts.signals.reading import COUNTED, Group
from campaigns import files
from campaigns.errors import IntegrityError
from campaigns.records import CAMPAIGNS, EVIDENCE
from campaigns.runs import Run
from review.evidence import day_weights
from review.run_tables import Memory, RunTables

MONDAY = date(2026, 1, 5)


def run_in(folder: Path) -> Run:
    return Run(folder, MONDAY, 1, "f1")


# -- memory --------------------------------------------------------------------------------------------


def test_what_was_asked_for_least_recently_goes_first() -> None:
    memory = Memory(most_bytes=250)
    made: list[str] = []

    def ask(key: str) -> None:
        def make() -> np.ndarray:
            made.append(key)
            return np.zeros(100, np.uint8)

        memory.value(key, make)

    for key in ("a", "b", "a", "c", "a", "b"):
        ask(key)
    assert made == ["a", "b", "c", "b"]
    assert memory.nbytes == 200


def test_the_latest_value_stays_however_large() -> None:
    memory = Memory(most_bytes=10)
    memory.value("small", lambda: np.zeros(5, np.uint8))
    large = memory.value("large", lambda: np.zeros(100, np.uint8))
    assert memory.value("large", lambda: np.zeros(0)) is large
    assert memory.nbytes == 100


def test_two_threads_that_ask_for_the_same_get_one_reading_and_others_do_not_wait() -> None:
    memory = Memory()
    begun, go_on = threading.Event(), threading.Event()
    made: list[int] = []

    def slow() -> np.ndarray:
        made.append(1)
        begun.set()
        assert go_on.wait(10)
        return np.zeros(1)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(memory.value, "slow", slow)
        assert begun.wait(10)
        second = pool.submit(memory.value, "slow", slow)
        other = pool.submit(memory.value, "other", lambda: np.ones(1))
        assert other.result(10).tolist() == [1.0]
        assert not second.done()
        go_on.set()
        assert first.result(10) is second.result(10)
    assert made == [1]


def test_what_failed_is_tried_again_and_not_kept() -> None:
    memory = Memory()

    def fail() -> np.ndarray:
        raise IntegrityError("damaged")

    for _ in range(2):
        with pytest.raises(IntegrityError):
            memory.value("table", fail)
    assert memory.value("table", lambda: np.ones(1)).tolist() == [1.0]
    assert memory.nbytes == 8


# -- tables --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`sorted` by campaign and `mixed`, 20,000 rows in three row groups."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(7)
    owner = np.sort(rng.integers(0, 500, 20_000))
    table = pa.table({"campaign_id": [f"c-{n:04d}" for n in owner], "row": np.arange(20_000)})
    files.write_parquet(folder / "sorted.parquet", table)
    files.write_parquet(folder / "mixed.parquet", table.take(rng.permutation(20_000)))
    return run_in(folder)


@pytest.mark.parametrize("name", ["sorted", "mixed"])
@pytest.mark.parametrize("value", ["c-0000", "c-0203", "c-0204", "c-0499", "c-9999", "b", ""])
def test_rows_are_those_of_a_filter_over_the_whole_table(day: Run, name: str, value: str) -> None:
    whole = day.table(name)
    expected = whole.filter(pc.equal(whole["campaign_id"], value))
    assert RunTables(day).rows(name, "campaign_id", value).equals(expected)
    (row,) = RunTables(day).rows(name, "row", 7, ["campaign_id"], keep=False).to_pylist()
    assert row == {"campaign_id": "c-0000"}


def test_of_a_sorted_table_only_a_part_is_read(day: Run) -> None:
    memory = Memory()
    RunTables(day, memory).rows("sorted", "campaign_id", "c-0001")
    assert memory.nbytes < 0.7 * day.table("sorted").nbytes


def test_what_was_read_stays_for_the_next_who_ask(tmp_path: Path, day: Run) -> None:
    memory = Memory()
    files.write_parquet(tmp_path / "sorted.parquet", day.table("sorted"))
    run = run_in(tmp_path)
    tables = RunTables(run, memory)
    rows = tables.rows("sorted", "campaign_id", "c-0001")
    whole = tables.table("sorted", ["row"])
    (tmp_path / "sorted.parquet").unlink()
    assert RunTables(run, memory).rows("sorted", "campaign_id", "c-0001").equals(rows)
    assert RunTables(run, memory).table("sorted", ["row"]) is whole
    assert not tables.has("sorted")
    with pytest.raises(IntegrityError, match="missing"):
        RunTables(run).rows("sorted", "campaign_id", "c-0001")


def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path, day: Run) -> None:
    path = tmp_path / "sorted.parquet"
    files.write_parquet(path, day.table("sorted"))
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    for ask in (
        lambda tables: tables.rows("sorted", "campaign_id", "c-0001"),
        lambda tables: tables.table("sorted"),
    ):
        with pytest.raises(IntegrityError, match="damaged"):
            ask(RunTables(run_in(tmp_path)))


# -- the weights of a day ------------------------------------------------------------------------------


GIVEN = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(sorted(Group)),
        st.one_of(st.none(), st.floats(0, 1), st.sampled_from([0.0, 1e-9, 0.5, 1.0])),
    ),
    max_size=60,
)


@given(found=GIVEN)
@settings(deadline=None, max_examples=60)
def test_weights_are_bit_for_bit_those_of_one_campaign_after_the_other(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, Group, float | None]]
) -> None:
    run = run_in(tmp_path_factory.mktemp("run"))
    names = [f"c-{n}" for n in range(6)]
    _write(run, "campaigns", CAMPAIGNS, {"campaign_id": names})
    found.sort(key=lambda row: row[0])
    columns = {
        "campaign_id": [names[n] for n, _, _ in found],
        "group": [group.value for _, group, _ in found],
        "p_value": [p_value for _, _, p_value in found],
    }
    _write(run, "evidence", EVIDENCE, columns)
    files.write_json(run.path / "manifest.json", {})
    weights = day_weights(RunTables(run))
    groups = np.full((6, len(COUNTED)), np.nan)
    for place in range(6):
        for column, group in enumerate(COUNTED):
            p_values = [p for n, g, p in found if (n, g) == (place, group) and p is not None]
            assert weights.n_tested[place, column] == len(p_values)
            if p_values:
                groups[place, column] = cauchy(np.array(p_values))
    together = cauchy(groups)
    for ours, theirs in (
        (weights.groups, groups),
        (weights.together, together),
        (weights.q_values, benjamini_hochberg(together)),
    ):
        assert ours.tobytes() == theirs.tobytes()


def _write(run: Run, name: str, schema: pa.Schema, columns: dict[str, object]) -> None:
    """Only some columns, of the types of the schema."""
    picked = pa.schema([schema.field(column) for column in columns])
    files.write_parquet(run.path / f"{name}.parquet", pa.table(columns, schema=picked))
