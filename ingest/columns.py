"""One column as it was found, to one column of the contract's type, value by value.

A value that cannot be read is null in the result and marked; whether that costs the row or stops the run is
decided in `ingest.checks`. What is accepted:

| contract | found |
| --- | --- |
| string | text or bytes in UTF-8; optional columns also whole numbers; empty text is null but in `prompt` |
| timestamp, UTC | a timestamp with a zone; ISO-8601 text with a zone; epoch numbers, also as text |
| int32 | whole numbers in range, also as text; NaN is null |

Epoch numbers tell their unit by size: below 10^11 they are seconds, below 10^14 milliseconds, below 10^17
microseconds, else nanoseconds: seconds reach to the year 5138, and milliseconds are right from March 1973 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from campaigns.records import REQUIRED_COLUMNS, TRAFFIC, UTC_MICROSECONDS

Mask = npt.NDArray[np.bool_]

PROMPT = "prompt"
_EPOCH_UNITS = ((10**11, 1_000_000, 1), (10**14, 1_000, 1), (10**17, 1, 1), (2**63, 1, 1_000))
"""(numbers below this, times this, divided by this) gives microseconds."""
_FIRST_MOMENT = -62_135_596_800_000_000  # 0001-01-01, the first day that a Python date can hold
_LAST_MOMENT = 253_402_300_799_999_999  # the end of 9999-12-31
_WHOLE_NUMBER = r"^[+-]?\d+$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_NAIVE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}(:\d{2}(:\d{2}([.,]\d+)?)?)?)?$"


class WrongTypeError(Exception):
    """The column as a whole is of a type that cannot hold what the contract asks for."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


class NaiveTimeError(Exception):
    """Times without a zone. `index` is the first such value, or -1 if the column's type says so for all."""

    def __init__(self, index: int) -> None:
        super().__init__("no time zone")
        self.index = index


@dataclass(frozen=True, slots=True)
class Column:
    """`values` has the contract's type. `bad` marks values that were there but could not be read; `not_utf8`
    those of them that are text in no valid UTF-8."""

    values: pa.Array
    bad: Mask
    not_utf8: Mask


def expected_type(name: str) -> str:
    kind = TRAFFIC.field(name).type
    return "timestamp with a time zone" if kind == UTC_MICROSECONDS else str(kind)


def coerce(name: str, found: pa.Array, wrong: Mask | None = None) -> Column:
    """Read one column of the contract.

    Args:
        found: the values as their file holds them, of any type.
        wrong: values that were there but of a type that `found` cannot hold (null there); see `from_values`.

    Raises:
        WrongTypeError: the type of `found` does not fit.
        NaiveTimeError: a time column without a zone.
    """
    not_utf8 = np.zeros(len(found), dtype=np.bool_)
    present = _mask(pc.is_valid(found))
    kind = TRAFFIC.field(name).type
    if pa.types.is_null(found.type):
        values = pa.nulls(len(found), kind)
    elif kind == pa.string():
        values, not_utf8 = _text(name, found)
    elif kind == UTC_MICROSECONDS:
        values, present = _time(found)
    else:
        values, present = _whole_number(name, found)
    bad = present & ~_mask(pc.is_valid(values))
    if kind == pa.string() and name != PROMPT:
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    return Column(values, bad if wrong is None else bad | wrong, not_utf8)


def coerce_loosely(name: str, found: pa.Array, wrong: Mask | None = None) -> Column:
    """As `coerce`, but nothing stops it: a time without a zone, and every value of a column of a wrong type, is bad."""
    try:
        return coerce(name, found, wrong)
    except WrongTypeError:
        return _all_bad(name, found)
    except NaiveTimeError as error:
        if error.index < 0:
            return _all_bad(name, found)
    texts, present = _cleaned(found)
    naive = _mask(pc.match_substring_regex(pc.utf8_upper(texts), _NAIVE))
    rest = coerce(name, pc.if_else(pa.array(naive), pa.scalar(None, texts.type), texts), wrong)
    return Column(rest.values, rest.bad | (present & naive), rest.not_utf8)


def _all_bad(name: str, found: pa.Array) -> Column:
    nothing = pa.nulls(len(found), TRAFFIC.field(name).type)
    return Column(nothing, _mask(pc.is_valid(found)), np.zeros(len(found), np.bool_))


def from_values(name: str, values: Sequence[Any]) -> tuple[pa.Array, Mask | None]:
    """JSON values of one column as an Arrow array, and which of them no array of this kind can hold.

    Text that is no valid Unicode (a lone surrogate, or a byte that was none of UTF-8) becomes the bytes that
    `coerce` then finds to be no UTF-8.
    """
    is_text = TRAFFIC.field(name).type == pa.string()
    # Arrow's own inference reads a truth among numbers as 0 or 1, so only columns of one type are left to it.
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str} or (not is_text and kinds in ({int}, {float})):
        try:
            return pa.array(values, pa.string() if kinds <= {str} else None), None
        except (UnicodeEncodeError, OverflowError):
            pass  # value by value, then
    numbers = (int, float) if not is_text else () if name in REQUIRED_COLUMNS else (int,)
    texts = [_as_bytes(value, numbers) for value in values]
    wrong = np.fromiter(
        (t is None and v is not None for t, v in zip(texts, values, strict=True)), np.bool_, len(texts)
    )
    return pa.array(texts, pa.binary()), wrong


def decoded(array: pa.Array) -> pa.Array:
    """The plain values of a dictionary-encoded array; any other array as it is."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def cast_or_null(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast with null where a value does not fit. k misfits among n values cost about k log n casts, not n."""
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        if len(array) == 1:
            return pa.nulls(1, kind)
        middle = len(array) // 2
        return pa.concat_arrays([cast_or_null(array[:middle], kind), cast_or_null(array[middle:], kind)])


def _text(name: str, found: pa.Array) -> tuple[pa.Array, Mask]:
    if pa.types.is_dictionary(found.type):
        # Each distinct text is checked once.
        values, bad = _text(name, found.dictionary)
        at = found.indices.fill_null(0).to_numpy(zero_copy_only=False)
        marks = bad[at] & _mask(pc.is_valid(found.indices)) if len(bad) else np.zeros(len(found), np.bool_)
        return values.take(found.indices), marks
    if pa.types.is_integer(found.type) and name not in REQUIRED_COLUMNS:
        return found.cast(pa.string()), np.zeros(len(found), np.bool_)
    if not _is_text(found.type):
        raise WrongTypeError("string", str(found.type))
    # A Parquet string is UTF-8 by promise only, so text goes through bytes and is checked.
    values = cast_or_null(found.cast(pa.large_binary()).cast(pa.binary()), pa.string())
    return values, _mask(pc.and_(pc.is_valid(found), pc.is_null(values)))


def _cleaned(found: pa.Array) -> tuple[pa.Array, Mask]:
    """Null for what exporters write when nothing is there (blank text, NaN), and which values are there."""
    found = decoded(found)
    present = _mask(pc.is_valid(found))
    if _is_text(found.type):
        found = pc.utf8_trim_whitespace(_text(PROMPT, found)[0])
        blank = pc.equal(found, "")
    elif pa.types.is_floating(found.type):
        found = found.cast(pa.float64())
        blank = pc.is_nan(found)
    else:
        return found, present
    return pc.if_else(blank, pa.scalar(None, found.type), found), present & ~_mask(blank)


def _time(found: pa.Array) -> tuple[pa.Array, Mask]:
    found, present = _cleaned(found)
    if pa.types.is_timestamp(found.type):
        if found.type.tz is None:
            raise NaiveTimeError(-1)
        moments = _to_microseconds(found)
    elif pa.types.is_integer(found.type) or pa.types.is_floating(found.type):
        moments = _from_epoch(found)
    elif _is_text(found.type):
        moments = _time_from_text(pc.utf8_upper(found))
    else:
        raise WrongTypeError("timestamp with a time zone", str(found.type))
    in_range = pc.and_(pc.greater_equal(moments, _FIRST_MOMENT), pc.less_equal(moments, _LAST_MOMENT))
    return pc.if_else(in_range, moments, pa.scalar(None, pa.int64())).cast(UTC_MICROSECONDS), present


def _to_microseconds(found: pa.Array) -> pa.Array:
    numbers = found.cast(pa.int64())
    if found.type.unit == "ns":
        # Rounding down, as a safe cast would refuse to drop the digits.
        return pa.array(numbers.fill_null(0).to_numpy() // 1_000, mask=_mask(pc.is_null(numbers)))
    return cast_or_null(found, UTC_MICROSECONDS).cast(pa.int64())


def _time_from_text(texts: pa.Array) -> pa.Array:
    is_whole = pc.match_substring_regex(texts, _WHOLE_NUMBER)
    is_number = pc.match_substring_regex(texts, _NUMBER)
    nothing = pa.scalar(None, pa.string())
    whole = _from_epoch(cast_or_null(pc.if_else(is_whole, texts, nothing), pa.int64()))
    fraction = _from_epoch(
        cast_or_null(pc.if_else(pc.and_not(is_number, is_whole), texts, nothing), pa.float64())
    )
    naive = pc.index(pc.match_substring_regex(texts, _NAIVE), True).as_py()
    if naive >= 0:
        raise NaiveTimeError(naive)
    iso = pc.if_else(is_number, nothing, texts)
    iso = pc.replace_substring_regex(iso, r"\s*(UTC|GMT)$", "Z")
    iso = pc.replace_substring_regex(iso, r"\s+([+-]\d{2}:?\d{2})$", r"\1")
    iso = pc.replace_substring_regex(iso, r"[.,](\d{1,6})\d*", r".\1")
    dated = cast_or_null(iso, UTC_MICROSECONDS).cast(pa.int64())
    return pc.coalesce(whole, fraction, dated)


def _from_epoch(numbers: pa.Array) -> pa.Array:
    """Microseconds since 1970 as int64; null where the number is none (NaN, infinite, beyond int64)."""
    if pa.types.is_floating(numbers.type):
        found = numbers.cast(pa.float64()).to_numpy(zero_copy_only=False)  # null becomes NaN
        with np.errstate(invalid="ignore", over="ignore"):
            size = np.abs(found)
            missing = ~(size < 2.0**63)
            scaled = np.select(
                [size < bound for bound, _, _ in _EPOCH_UNITS],
                [found * up / down for _, up, down in _EPOCH_UNITS],
            )
        return pa.array(np.where(missing, 0, np.rint(scaled)).astype(np.int64), mask=missing)
    signed = cast_or_null(numbers, pa.int64())
    whole = signed.fill_null(0).to_numpy(zero_copy_only=False)
    micros = np.zeros(len(whole), dtype=np.int64)
    left = np.ones(len(whole), dtype=np.bool_)
    for bound, up, down in _EPOCH_UNITS:
        here = left & (whole < bound) & (whole > -bound) if bound < 2**63 else left
        micros[here] = whole[here] * up // down
        left &= ~here
    return pa.array(micros, mask=_mask(pc.is_null(signed)))


def _whole_number(name: str, found: pa.Array) -> tuple[pa.Array, Mask]:
    found, present = _cleaned(found)
    kind = TRAFFIC.field(name).type
    if _is_text(found.type):
        found = cast_or_null(found, pa.float64())
    elif not (
        pa.types.is_integer(found.type) or pa.types.is_floating(found.type) or pa.types.is_decimal(found.type)
    ):
        raise WrongTypeError(str(kind), str(found.type))
    return cast_or_null(found, kind), present


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_binary_view,
            pa.types.is_fixed_size_binary,
        )
    )


def _as_bytes(value: Any, numbers: tuple[type, ...]) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, numbers) and not isinstance(value, bool):
        return repr(value).encode()
    return None


def _mask(array: pa.Array) -> Mask:
    """A Boolean array as numpy; null counts as false."""
    mask: Mask = array.fill_null(False).to_numpy(zero_copy_only=False)
    return mask
