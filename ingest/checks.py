"""What each row of a batch is: accepted, another day's, or set aside with a reason.

The checks run in a fixed order and the first that fails names the reason:

1. `created_at` is in the future
2. `created_at` lies on another day: no fault, the row is passed over and counted apart, whatever else is
   wrong with it, since its own day's run will say so; so is, in a second pass, a row of an account that it does not
   look at, since the first pass has said so
3. the account was erased (`campaigns.tombstones`): the row keeps nothing but its place
4. some text is not valid UTF-8
5. a required value cannot be read as its column's type
6. a required value is null, or an empty id
7. the prompt is empty: nothing but whitespace and code points that nobody sees
8. a text is longer than the limit
9. an optional value cannot be read; the row goes too, since guessing null would hide a broken exporter
10. an account or prompt id begins as those of planted prompts do (`campaigns.records.RESERVED_PREFIX`)

A column is judged as a whole, too. It is *missing* when no row of the file has it, and *retyped* when it
holds values and none of them can be read; for a required column either stops the run before anything is
written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from campaigns.errors import InputError
from campaigns.records import QUARANTINE, REQUIRED_COLUMNS, RESERVED_PREFIX, TRAFFIC, Reason
from ingest.batches import Batch
from ingest.columns import Column, Mask, NaiveTimeError, WrongTypeError, coerce, expected_type
from ingest.sources import SourceFile

ACCEPTED = -1
OTHER_DAY = -2
OTHER_ACCOUNT = -3
_MICROSECONDS_PER_DAY = 86_400_000_000
EPOCH = date(1970, 1, 1)
_INVISIBLE = (
    r"^[\s\x{85}\p{Z}\x{AD}\x{34F}\x{61C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{200B}-\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FE00}-\x{FE0F}\x{FEFF}\x{FFA0}\x{FFF0}-\x{FFF8}"
    r"\x{1BCA0}-\x{1BCA3}\x{1D173}-\x{1D17A}\x{E0000}-\x{E0FFF}]*$"
)
"""Whitespace and Unicode's Default_Ignorable_Code_Point. NUL and other controls are content."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`day` None accepts every day. `latest` is the last moment that is not yet the future."""

    day: date | None
    latest: datetime
    max_prompt_bytes: int

    @classmethod
    def of(cls, day: date | None, now: datetime, tolerance_hours: float, max_prompt_bytes: int) -> Limits:
        return cls(day, now + timedelta(hours=tolerance_hours), max_prompt_bytes)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """`codes` per row: `ACCEPTED`, `OTHER_DAY`, `OTHER_ACCOUNT` or an index into `faults`, pairs (reason, detail)."""

    codes: npt.NDArray[np.int16]
    faults: list[tuple[Reason, str]]

    @property
    def accepted(self) -> Mask:
        mask: Mask = self.codes == ACCEPTED
        return mask

    @property
    def other_days(self) -> int:
        return int((self.codes == OTHER_DAY).sum())

    @property
    def other_accounts(self) -> int:
        return int((self.codes == OTHER_ACCOUNT).sum())


class FileColumns:
    """Types the columns of one file, batch by batch, and judges the required ones as a whole.

    Args:
        names: the columns to look at; by default every column of the contract.
    """

    def __init__(self, file: SourceFile, names: Sequence[str] = TRAFFIC.names) -> None:
        self._file = file
        self._names = names
        self._required = [name for name in REQUIRED_COLUMNS if name in names]
        self._seen: set[str] = set()
        self._good = dict.fromkeys(self._required, 0)
        self._bad = dict.fromkeys(self._required, 0)
        self._found: dict[str, str] = {}
        self._records = 0

    def typed(self, batch: Batch) -> dict[str, Column]:
        """The columns by name; one that the batch lacks is null throughout.

        Raises:
            InputError: a required column is missing or retyped, or a time column has no zone.
        """
        self._seen.update(batch.columns)
        self._records += len(batch.rows)
        if batch.fixed:
            self._refuse_missing(batch.columns)
        return {name: self._column(name, batch) for name in self._names}

    def finish(self) -> None:
        """Judge the file, now that all of it was read.

        Raises:
            InputError: a required column is missing or retyped.
        """
        if self._records:
            self._refuse_missing(self._seen)
        for name in self._required:
            if self._bad[name] and not self._good[name]:
                raise self._retyped(name, self._found[name])

    def _column(self, name: str, batch: Batch) -> Column:
        found = batch.columns.get(name)
        if found is None:
            found = pa.nulls(len(batch.rows))
        try:
            column = coerce(name, found, batch.wrong.get(name))
        except NaiveTimeError as error:
            row = f", row {batch.rows[error.index]}" if error.index >= 0 else ""
            raise InputError(
                f"{name} has no time zone",
                where=f"{self._file.name}{row}",
                hint="Write UTC times as 2026-01-05T10:00:00Z, or as Parquet timestamps with a time zone.",
            ) from None
        except WrongTypeError as error:
            if name in REQUIRED_COLUMNS:
                raise self._retyped(name, error.found) from None
            present = pc.is_valid(found).to_numpy(zero_copy_only=False)
            return Column(
                pa.nulls(len(found), TRAFFIC.field(name).type), present, np.zeros(len(found), np.bool_)
            )
        if name in REQUIRED_COLUMNS:
            self._good[name] += len(column.values) - column.values.null_count
            retyped = column.bad & ~column.not_utf8
            if retyped.any():
                self._bad[name] += int(retyped.sum())
                self._found.setdefault(
                    name,
                    "text that cannot be read as one" if name not in batch.wrong else "values of other types",
                )
        return column

    def _refuse_missing(self, names: Mapping[str, pa.Array] | set[str]) -> None:
        for name in self._required:
            if name not in names:
                raise InputError(
                    f"required column {name!r} is missing (expected {expected_type(name)})",
                    where=self._file.name,
                    hint=f"The file has {', '.join(sorted(map(repr, names))[:20])}. Rename or add it.",
                )

    def _retyped(self, name: str, found: str) -> InputError:
        return InputError(
            f"column {name!r} has the wrong type: expected {expected_type(name)}, found {found}",
            where=self._file.name,
            hint="Convert the column and run the same command again.",
        )


def judge(
    columns: Mapping[str, Column],
    too_long: Mapping[str, Mask],
    limits: Limits,
    other_accounts: Mask | None = None,
    erased: Mask | None = None,
) -> Verdicts:
    """The verdict on each row; see the order at the top of the file. `columns` holds the required ones at least."""
    moments = columns["created_at"].values.cast(pa.int64())
    codes = np.full(len(moments), ACCEPTED, dtype=np.int16)
    faults: list[tuple[Reason, str]] = []

    def fault(mask: Mask, reason: Reason, detail: str) -> None:
        here = mask & (codes == ACCEPTED)
        if here.any():
            codes[here] = len(faults)
            faults.append((reason, detail))

    future = _true(pc.greater(moments, _microseconds(limits.latest)))
    fault(future if erased is None else future & ~erased, Reason.FUTURE, "created_at")
    if limits.day is not None:
        elsewhere = _true(pc.is_valid(moments)) & (day_numbers(moments) != (limits.day - EPOCH).days)
        codes[elsewhere & (codes == ACCEPTED)] = OTHER_DAY
    if other_accounts is not None:
        codes[other_accounts & (codes == ACCEPTED)] = OTHER_ACCOUNT
    if erased is not None:
        fault(erased, Reason.ERASED, "")
    for name, column in columns.items():
        fault(column.not_utf8, Reason.INVALID_UTF8, name)
    for name in REQUIRED_COLUMNS:
        fault(columns[name].bad, Reason.BAD_VALUE, f"{name}: expected {expected_type(name)}")
    for name in REQUIRED_COLUMNS:
        long = too_long.get(name, np.zeros(len(codes), np.bool_))
        fault(_true(pc.is_null(columns[name].values)) & ~long, Reason.NULL, name)
    fault(_true(pc.match_substring_regex(columns["prompt"].values, _INVISIBLE)), Reason.EMPTY, "prompt")
    for name, column in columns.items():
        if TRAFFIC.field(name).type == pa.string():
            long = _true(pc.greater(pc.binary_length(column.values), limits.max_prompt_bytes))
            if name in too_long:
                long = long | too_long[name]
            fault(long, Reason.TOO_LONG, f"{name} is longer than {limits.max_prompt_bytes} bytes")
    for name, column in columns.items():
        fault(column.bad, Reason.BAD_VALUE, f"{name}: expected {expected_type(name)}")
    for name in ("account_id", "prompt_id"):
        reserved = pc.starts_with(columns[name].values, RESERVED_PREFIX)
        fault(_true(reserved), Reason.RESERVED_ID, f"{name} begins with {RESERVED_PREFIX}")
    return Verdicts(codes, faults)


def rejected(batch: Batch, columns: Mapping[str, pa.Array], verdicts: Verdicts, source: str) -> pa.Table:
    """The quarantine rows of a batch: the rows that failed a check, and the records that never were rows."""
    at = np.flatnonzero(verdicts.codes >= 0)
    codes = pa.array(verdicts.codes[at])
    erased = [number for number, (reason, _) in enumerate(verdicts.faults) if reason == Reason.ERASED]
    nameless = pc.is_in(codes, value_set=pa.array(erased, codes.type))
    failed = pa.table(
        {
            "prompt_id": pc.if_else(nameless, None, columns["prompt_id"].take(pa.array(at))),
            "account_id": pc.if_else(nameless, None, columns["account_id"].take(pa.array(at))),
            "source": pa.repeat(source, len(at)),
            "row": batch.rows[at],
            "reason": pa.array([str(reason) for reason, _ in verdicts.faults], pa.string()).take(codes),
            "detail": pa.array([detail for _, detail in verdicts.faults], pa.string()).take(codes),
        }
    ).cast(QUARANTINE)
    return pa.concat_tables([failed, quarantine_rows(source, batch.lost)])


def quarantine_rows(source: str, lost: list[tuple[int, Reason, str]]) -> pa.Table:
    """Quarantine rows of which only the place is known."""
    rows = [
        {
            "prompt_id": None,
            "account_id": None,
            "source": source,
            "row": row,
            "reason": str(reason),
            "detail": detail,
        }
        for row, reason, detail in lost
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE)


def day_numbers(moments: pa.Array) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01 in UTC of microseconds since then; 0 for null."""
    days: npt.NDArray[np.int64] = moments.fill_null(0).to_numpy(zero_copy_only=False) // _MICROSECONDS_PER_DAY
    return days


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _true(mask: pa.Array) -> Mask:
    found: Mask = mask.fill_null(False).to_numpy(zero_copy_only=False)
    return found
