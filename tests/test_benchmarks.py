"""Each benchmark runs at a tiny size and returns sane figures. How large they are is for `make bench` to say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import BENCHMARKS, run
from benchmarks.encode import encode
from benchmarks.matching import matching
from benchmarks.measure import alternately, apart, growth
from benchmarks.recipe import recipe
from benchmarks.results import Figure, Result, number, show
from benchmarks.review_map import review_map
from benchmarks.review_queue import review_queue
from benchmarks.startup import startup
from benchmarks.tokens import tokens

TINY = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that the tiny day is simulated once."""
    return tmp_path_factory.mktemp("benchmarks")


def check(result: Result) -> None:
    """Every figure is finite, none but an exponent is negative, and every row fits the columns."""
    assert result.figures
    assert result.rows
    for figure in result.figures:
        assert math.isfinite(figure.value), figure
        assert figure.unit == "n^" or figure.value >= 0, figure
        if figure.unit == "%":
            assert figure.value <= 1, figure
    for row in result.rows:
        assert len(row) == len(result.columns)
        assert all(isinstance(cell, str) or math.isfinite(cell) for cell in row), row
    json.dumps(result.to_json(), allow_nan=False)


def test_tokens(folder: Path) -> None:
    result = tokens(TINY, folder, hostile_bytes=10_000)
    check(result)
    assert result.value("tokenizer") > 0
    assert result.value("costliest hostile byte over ordinary") > 0


@pytest.mark.slow
def test_scaffold_counts_as_the_oracle_does(folder: Path) -> None:
    result = run("scaffold", folder, TINY)
    check(result)
    assert result.value("same counts as plain Python") == 1.0
    prompts = [row[0] for row in result.rows]
    assert prompts == sorted(prompts)
    assert prompts[-1] == TINY


@pytest.mark.slow
def test_encode(folder: Path) -> None:
    result = encode(TINY, folder, texts=8)
    check(result)
    assert result.value("torch") > 0
    assert result.value("cached pass over first") > 1


@pytest.mark.slow
def test_recipe(folder: Path) -> None:
    result = recipe(TINY, folder, compiled="")
    check(result)
    *stages, total = result.rows
    assert sum(float(row[3]) for row in stages) == pytest.approx(float(total[3]), rel=0.2)
    assert result.value("peak memory, large day") > 0


@pytest.mark.slow
def test_matching(folder: Path) -> None:
    result = matching(TINY, folder, known=30, many=40, seconds=0.3)
    check(result)
    assert result.value("from Parquet to folder") > 0
    assert result.value("service, batches of 64, 2 processes") > 0
    assert result.value("memory with 40 campaigns") > 0
    assert len(result.rows) == 14


@pytest.mark.slow
def test_prefect(folder: Path) -> None:
    result = run("prefect", folder, TINY)
    check(result)
    assert result.value("added around the stages") > 0


@pytest.mark.slow
def test_help() -> None:
    result = startup(runs=1)
    check(result)
    assert result.value("over python -c pass") > 1


@pytest.mark.slow
def test_quality(folder: Path) -> None:
    result = run("quality", folder, 2_500)
    check(result)
    assert [row[:2] for row in result.rows] == [("2,500", 2), ("10,000", 1)]


@pytest.mark.slow
@pytest.mark.browser
def test_map(folder: Path) -> None:
    result = review_map(2_000, folder, seconds=0.2)
    check(result)
    assert result.value("frames a second, dragging") > 0


def test_queue(folder: Path) -> None:
    check(review_queue(60, folder, days=3))


@pytest.mark.slow
def test_deliver(folder: Path) -> None:
    result = run("deliver", folder, 6_000)
    check(result)
    assert [row[0] for row in result.rows] == ["decide", "jsonl", "csv", "webhook"]
    assert result.value("webhook") > 0


def test_every_benchmark_has_its_function() -> None:
    assert set(BENCHMARKS) == {
        "tokens",
        "scaffold",
        "encode",
        "recipe",
        "matching",
        "prefect",
        "help",
        "map",
        "queue",
        "load",
        "deliver",
        "quality",
    }


def test_growth_is_the_exponent() -> None:
    sizes = [10, 20, 40, 80]
    assert growth(sizes, [3 * n**2 for n in sizes]) == pytest.approx(2)
    assert growth(sizes, [7.0] * 4) == pytest.approx(0)
    assert math.isfinite(growth(sizes, [0.0] * 4))


def test_turns_are_taken() -> None:
    calls: list[str] = []
    seconds = alternately(lambda: calls.append("a"), lambda: calls.append("b"), repeat=2)
    assert calls == ["a", "b", "a", "b"]
    assert all(0 <= s < 1 for s in seconds)


def test_work_apart_tells_its_own_peak_and_not_that_of_the_caller() -> None:
    held = np.ones(512 << 20, np.uint8)
    done = apart(growth, sizes=[1, 2], costs=[1, 4])
    assert done.value == pytest.approx(2)
    assert done.seconds > 0
    assert 0 < done.peak_bytes < held.nbytes


def test_work_apart_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)growth failed.*TypeError"):
        apart(growth, nonsense=1)


def test_a_result_is_printed_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    figures = (Figure("speed", 1234.5, "MB/s"), Figure("growth", 1.02, "n^"), Figure("found", 0.5, "%"))
    result = Result("Title", figures, ("what", "n"), (("thing", 3), ("other", 0.12345)))
    show({"it": result})
    told = capsys.readouterr().out
    for expected in ("Title", "1,234 MB/s", "n^1.02", "50 %", "0.123", "thing"):
        assert expected in told
    assert result.to_json()["table"][0] == {"what": "thing", "n": 3}
    assert result.value("found") == 0.5


def test_numbers_are_short() -> None:
    assert [number(n) for n in (0, 12_345, 1234.5, 123.4, 12.34, 0.001234)] == [
        "0", "12,345", "1,234", "123", "12.3", "0.00123",
    ]  # fmt: skip
