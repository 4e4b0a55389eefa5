from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from campaigns.records import TRAFFIC
from ingest.columns import Column, NaiveTimeError, WrongTypeError, cast_or_null, coerce, from_values

NOON = datetime(2026, 1, 5, 12, 0, 0, 123456, tzinfo=UTC)
MICROS = round(NOON.timestamp() * 1_000_000)


def times(found: pa.Array) -> list[datetime | None]:
    values: list[datetime | None] = coerce("created_at", found).values.to_pylist()
    return values


def json_column(name: str, values: list[Any]) -> Column:
    return coerce(name, *from_values(name, values))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (MICROS // 1_000_000, NOON.replace(microsecond=0)),
        (MICROS // 1_000, NOON.replace(microsecond=123_000)),
        (MICROS, NOON),
        (MICROS * 1_000 + 999, NOON),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (10**11 - 1, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (10**11, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (10**14, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (10**17, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
    ],
)
def test_epoch_numbers_tell_their_unit_by_size(number: int, expected: datetime) -> None:
    assert times(pa.array([number])) == [expected]
    assert times(pa.array([str(number)])) == [expected]


def test_epoch_seconds_with_a_fraction() -> None:
    assert times(pa.array([MICROS / 1_000_000, float("nan"), None])) == [NOON, None, None]
    assert times(pa.array(["1767614400.123456", " 1767614400 ", "1.7676144e9"])) == [
        NOON,
        NOON.replace(microsecond=0),
        NOON.replace(microsecond=0),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T12:00:00.123456Z",
        "2026-01-05t12:00:00.123456z",
        "2026-01-05 12:00:00.123456+00:00",
        "2026-01-05 12:00:00.123456+00",
        "2026-01-05T14:00:00.123456+0200",
        "2026-01-05T06:30:00.123456-05:30",
        "2026-01-05 12:00:00.123456 UTC",
        "2026-01-05 12:00:00.1234567 +00:00",
        "2026-01-05T12:00:00.123456789Z",
        "  2026-01-05T12:00:00,123456Z ",
    ],
)
def test_iso_text_with_a_zone(text: str) -> None:
    assert times(pa.array([text])) == [NOON]


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_text_agrees_with_python(moment: datetime, offset: int) -> None:
    assume(2 <= moment.year <= 9998)  # so that no offset leaves the calendar
    local = moment.astimezone(timezone(timedelta(minutes=offset)))
    assert times(pa.array([local.isoformat()])) == [moment]


@pytest.mark.parametrize("text", ["2026-01-05", "2026-01-05T12", "2026-01-05 12:00", "2026-01-05T12:00:00.5"])
def test_naive_text_is_named_with_its_place(text: str) -> None:
    with pytest.raises(NaiveTimeError) as caught:
        times(pa.array([None, "2026-01-05T12:00:00Z", text]))
    assert caught.value.index == 2


@pytest.mark.parametrize(
    "text", ["now", "2026-13-01T00:00:00Z", "2026-01-05T25:00:00Z", "12:00Z", "1e400", "9" * 30, "Z", "{}"]
)
def test_unreadable_time_is_bad(text: str) -> None:
    column = coerce("created_at", pa.array(["2026-01-05T12:00:00Z", text, None, ""]))
    assert column.bad.tolist() == [False, True, False, False]
    assert column.values.null_count == 3


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "+05:30"])
def test_timestamps_of_any_unit_and_zone(unit: str, zone: str) -> None:
    found = (
        pa.array([MICROS // 1_000_000], pa.int64())
        .cast(pa.timestamp("s", "UTC"))
        .cast(pa.timestamp(unit, zone))
    )
    assert times(found) == [NOON.replace(microsecond=0)]


def test_timestamps_outside_the_calendar_are_bad() -> None:
    column = coerce("created_at", pa.array([2**62, -(2**62)], pa.timestamp("us", "UTC")))
    assert column.bad.all()


def test_naive_timestamp_column() -> None:
    with pytest.raises(NaiveTimeError):
        times(pa.array([0], pa.timestamp("us")))


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["7", " 8 ", "9.0", "", None, "x", "1.5", "2147483648", "nan"]),
        pa.array([b"7", b"8", b"9", b" ", None, b"\xff", b"0x1", b"-2147483649", b"nan"], pa.binary()),
    ],
)
def test_whole_numbers_in_text(values: pa.Array) -> None:
    column = coerce("asn", values)
    assert column.values.to_pylist() == [7, 8, 9, *[None] * 6]
    assert column.bad.tolist() == [False] * 5 + [True] * 4


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(30, 2)]
)
def test_whole_numbers_of_any_type(kind: pa.DataType) -> None:
    assert coerce("asn", pa.array([7, None]).cast(kind)).values.to_pylist() == [7, None]


def test_numbers_that_do_not_fit() -> None:
    assert coerce("asn", pa.array([2**31, -1])).bad.tolist() == [True, False]
    column = coerce("asn", pa.array([1.5, float("nan"), float("inf"), 3.0]))
    assert column.values.to_pylist() == [None, None, None, 3]
    assert column.bad.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_text_of_any_type(kind: pa.DataType) -> None:
    column = coerce("model", pa.array(["a", None, "é", ""]).cast(kind))
    assert column.values.type == pa.string()
    assert column.values.to_pylist() == ["a", None, "é", None]
    assert not column.bad.any()


def test_empty_prompt_stays_empty() -> None:
    assert coerce("prompt", pa.array(["", None])).values.to_pylist() == ["", None]


def test_bytes_that_are_no_utf8() -> None:
    for found in (
        pa.array([b"ok", b"\xff", None, b"\xed\xa0\x80"], pa.binary()),
        pa.array([b"ok", b"\xff", None, b"\xed\xa0\x80"], pa.binary()).dictionary_encode(),
    ):
        column = coerce("prompt", found)
        assert column.values.to_pylist() == ["ok", None, None, None]
        assert column.not_utf8.tolist() == column.bad.tolist() == [False, True, False, True]


def test_slices_are_read_from_their_own_start() -> None:
    texts = pa.array(["a", "b", None, "d"]).dictionary_encode()
    assert coerce("prompt", texts[1:]).values.to_pylist() == ["b", None, "d"]
    assert times(pa.array([0, MICROS])[1:]) == [NOON]


def test_types_that_hold_no_such_value() -> None:
    for name, found in [
        ("prompt", pa.array([1])),
        ("model", pa.array([1.5])),
        ("created_at", pa.array([True])),
        ("asn", pa.array([[1]])),
    ]:
        with pytest.raises(WrongTypeError):
            coerce(name, found)


def test_all_null_column_fits_every_type() -> None:
    for name in TRAFFIC.names:
        column = coerce(name, pa.nulls(3))
        assert column.values.type == TRAFFIC.field(name).type
        assert not column.bad.any()


def test_mixed_json_values() -> None:
    column = json_column(
        "created_at", [MICROS, "2026-01-05T12:00:00.123456Z", MICROS / 1_000_000, True, None, []]
    )
    assert column.values.to_pylist() == [NOON, NOON, NOON, None, None, None]
    assert column.bad.tolist() == [False, False, False, True, False, True]
    column = json_column("asn", [1, "2", 3.0, None, {}, 10**40])
    assert column.values.to_pylist() == [1, 2, 3, None, None, None]
    assert column.bad.tolist() == [False, False, False, False, True, True]
    column = json_column("model", ["m", 5, 1.5, False, None])
    assert column.values.to_pylist() == ["m", "5", None, None, None]
    assert column.bad.tolist() == [False, False, True, True, False]
    column = json_column("prompt", ["p", 5, "\ud800", None])
    assert column.bad.tolist() == [False, True, True, False]
    assert column.not_utf8.tolist() == [False, False, True, False]


JSON_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=9)
)


@given(st.lists(JSON_SCALARS, max_size=12), st.sampled_from(["prompt", "model", "asn", "account_created_at"]))
def test_a_value_means_the_same_in_any_company(values: list[Any], name: str) -> None:
    """Batches cut a file anywhere, so no value may be read by the light of its neighbours."""
    try:
        together = json_column(name, values)
        alone = [json_column(name, [value]) for value in values]
    except NaiveTimeError:
        return
    assert together.values.to_pylist() == [one.values[0].as_py() for one in alone]
    assert together.bad.tolist() == [bool(one.bad[0]) for one in alone]


@given(st.lists(st.sampled_from(["1", "22", "x", "", "3.5", None])))
def test_cast_or_null_agrees_with_one_by_one(values: list[str | None]) -> None:
    expected = [int(v) if v and v.isdigit() else None for v in values]
    assert cast_or_null(pa.array(values, pa.string()), pa.int64()).to_pylist() == expected


def test_cast_or_null_of_all_bad_values_is_quick() -> None:
    found = cast_or_null(pa.array(["x"] * 5_000), pa.int64())
    assert found.null_count == 5_000
    assert isinstance(found.is_null().to_numpy(zero_copy_only=False), np.ndarray)
