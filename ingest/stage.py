"""The first stage: traffic files in, partitioned prompts, quarantine and counts out.

    source ─ find ─ read ─ type ─ pseudonymise ─ judge ─┬─ partitions ─ repeated ids ─ prompts/part-*.parquet
                                                        └─ quarantine.parquet

Nothing is written before the whole source was read and found sound. What is written follows from the rows
and the settings alone: not from the order of rows or files, nor from how many are read at a time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from campaigns import files
from campaigns.errors import InputError, IntegrityError, QuarantineLimitError, UsageError
from campaigns.records import PROMPTS, PSEUDONYM_COLUMNS, QUARANTINE, TEXT_KEY, TRAFFIC, IngestCounts, Reason
from campaigns.runs import Run
from campaigns.settings import IngestSettings, Settings
from campaigns.tombstones import Recognise
from ingest.adapters import Shape
from ingest.batches import Batch, ReadOptions
from ingest.checks import EPOCH, FileColumns, Limits, Verdicts, day_numbers, judge, quarantine_rows, rejected
from ingest.columns import Mask
from ingest.partitions import EXTRA, ORIGIN, Partitions, digests, origins, split_origins
from ingest.pseudonyms import KINDS, pseudonym
from ingest.readers import read
from ingest.sources import SourceFile, UnreadableFileError, find

log = logging.getLogger(__name__)

OUTPUTS = ("prompts/part-*.parquet", "quarantine.parquet")
"""What the stage always writes. `extras.parquet` comes only with unknown columns."""
_NORMALIZED = ("prompt", "system_prompt")
_DAYS_NAMED = 5
_DAY_COLUMNS = ("created_at",)


def ingest(
    run: Run,
    settings: Settings,
    source: str,
    *,
    progress: Callable[[int], None] | None = None,
    shape: Shape | None = None,
    account_fields: Sequence[str] | None = None,
    accounts: pa.Array | None = None,
    recognise: Recognise | None = None,
) -> IngestCounts:
    """Read the traffic of `run.day` into the run folder.

    Writes `prompts/part-NNNN.parquet` (schema PROMPTS, one per partition, empty ones too),
    `quarantine.parquet` and, if the traffic has unknown columns, `extras.parquet` (prompt_id and those
    columns as text; partition by partition, in the order of prompt_id; *not* pseudonymised).

    Args:
        source: a file, folder, glob or URL.
        progress: called with the number of rows just read.
        shape: how to read every file; by default each file tells.
        account_fields: where an adapter finds the account; see `adapters.ACCOUNT_FIELDS`.
        accounts: ids as they stand in a run; rows of all others are passed over and counted apart.
        recognise: tells accounts that were erased, by their ids as they stand in a run; None: nobody was.

    Raises:
        InputError: nothing to read, or a column that is missing, retyped or without a time zone.
        QuarantineLimitError: too many rows were set aside; `quarantine.parquet` is there to look at.
    """
    partitions = Partitions(run.path / "spill", settings.ingest.partitions)
    try:
        return _Ingest(run, settings, partitions, progress, accounts, recognise).work(
            find(source), _options(settings.ingest, shape, account_fields)
        )
    finally:
        partitions.close()


def only_day(source: str, settings: Settings | None = None, *, shape: Shape | None = None) -> date:
    """The one day (UTC) of the traffic's readable rows; rows in the future are ignored.

    Raises:
        UsageError: there is no such row, or several days.
        InputError: as `ingest`, of `created_at` alone.
    """
    knobs = (settings or Settings()).ingest
    latest = datetime.now(UTC) + timedelta(hours=knobs.future_tolerance_hours)
    options = _options(knobs, shape, None, only=_DAY_COLUMNS)
    sources = find(source)
    found: set[int] = set()
    unreadable: list[UnreadableFileError] = []
    for file in sources:
        try:
            found |= _days(file, options, latest)
        except UnreadableFileError as error:
            unreadable.append(error)
            log.warning("%s cannot be read (%s)", file.name, error)
    _refuse_if_none_readable(sources, unreadable)
    days = [EPOCH + timedelta(days=number) for number in sorted(found)]
    if len(days) == 1:
        return days[0]
    if not days:
        raise UsageError(
            "the traffic has no rows that tell its day", where=source, hint="Name it with --day."
        )
    named = ", ".join(day.isoformat() for day in days[:_DAYS_NAMED])
    more = f" and {len(days) - _DAYS_NAMED} more" if len(days) > _DAYS_NAMED else ""
    raise UsageError(
        f"the traffic holds {len(days)} days: {named}{more}",
        where=source,
        hint=f"Choose one with --day, for example --day {days[-1]}, or use `shoal backfill`.",
    )


def _options(
    knobs: IngestSettings,
    shape: Shape | None,
    account_fields: Sequence[str] | None,
    only: tuple[str, ...] | None = None,
) -> ReadOptions:
    accounts = tuple(account_fields) if account_fields else None
    return ReadOptions(knobs.batch_rows, knobs.max_prompt_bytes, shape, accounts, only)


def _days(file: SourceFile, options: ReadOptions, latest: datetime) -> set[int]:
    """Days since 1970 that the rows of one file lie on; none of them if it turns out to be damaged."""
    columns = FileColumns(file, _DAY_COLUMNS)
    found: set[int] = set()
    for batch in read(file, options):
        moments = columns.typed(batch)["created_at"].values.drop_null()
        past = moments.filter(pc.less_equal(moments, pa.scalar(latest, moments.type)))
        found.update(np.unique(day_numbers(past.cast(pa.int64()))).tolist())
    columns.finish()
    return found


def _refuse_if_none_readable(sources: list[SourceFile], unreadable: list[UnreadableFileError]) -> None:
    if len(unreadable) == len(sources):
        raise InputError(
            f"no file can be read: {unreadable[0]}",
            where=sources[0].name,
            hint="The file is damaged or cut short. Export it again.",
        )


class _Ingest:
    """One run of the stage: what it has counted and set aside so far."""

    def __init__(
        self,
        run: Run,
        settings: Settings,
        partitions: Partitions,
        progress: Callable[[int], None] | None,
        accounts: pa.Array | None,
        recognise: Recognise | None,
    ) -> None:
        self._run = run
        self._accounts = accounts
        self._recognise = recognise
        self._knobs = settings.ingest
        self._key = settings.secret_key.get_secret_value().encode()
        self._partitions = partitions
        self._progress = progress or (lambda _: None)
        self._limits = Limits.of(
            run.day, datetime.now(UTC), self._knobs.future_tolerance_hours, self._knobs.max_prompt_bytes
        )
        self._rows_in = 0
        self._other_days = 0
        self._other_accounts = 0
        self._quarantine: list[pa.Table] = []

    def work(self, sources: list[SourceFile], options: ReadOptions) -> IngestCounts:
        unreadable = [
            error for number, file in enumerate(sources) if (error := self._read(number, file, options))
        ]
        _refuse_if_none_readable(sources, unreadable)
        self._set_aside_repeated_ids(sources)
        quarantine = pa.concat_tables([QUARANTINE.empty_table(), *self._quarantine])
        quarantine = quarantine.sort_by([(name, "ascending") for name in ("source", "row", "reason")])
        files.write_parquet(self._run.path / "quarantine.parquet", quarantine)
        by_reason = Counter(quarantine["reason"].to_pylist())
        self._refuse_excess(by_reason)
        if extra := self._partitions.extra_names():
            log.warning("unknown columns are kept aside in extras.parquet: %s", ", ".join(map(repr, extra)))
        n_rows, n_texts = self._partitions.write(
            self._run.path / "prompts", self._run.path / "extras.parquet"
        )
        counts = IngestCounts(
            rows_in=self._rows_in,
            accepted=n_texts,
            copies=n_rows - n_texts,
            quarantined=quarantine.num_rows,
            by_reason=dict(sorted(by_reason.items())),
            other_days=self._other_days,
            other_accounts=self._other_accounts,
        )
        if not counts.balanced:
            raise IntegrityError(f"rows were lost or doubled: {counts}", where=str(self._run.path))
        return counts

    def _read(self, number: int, file: SourceFile, options: ReadOptions) -> UnreadableFileError | None:
        """Take the rows of one file; none of them if it is damaged, as how far one gets in it is chance."""
        columns = FileColumns(file)
        rows_in = other_days = other_accounts = 0
        quarantine: list[pa.Table] = []
        try:
            for batch in read(file, options):
                verdicts, set_aside = self._take(number, file, batch, columns)
                passed_over = verdicts.other_days + verdicts.other_accounts
                rows_in += len(batch.rows) + len(batch.lost) - passed_over
                other_days += verdicts.other_days
                other_accounts += verdicts.other_accounts
                quarantine.append(set_aside)
                self._progress(len(batch.rows) + len(batch.lost))
        except UnreadableFileError as error:
            log.warning("%s cannot be read and is left out (%s)", file.name, error)
            self._partitions.drop_file(number)
            self._rows_in += 1
            self._quarantine.append(quarantine_rows(file.name, [(-1, Reason.UNREADABLE_FILE, str(error))]))
            return error
        columns.finish()
        self._rows_in += rows_in
        self._other_days += other_days
        self._other_accounts += other_accounts
        self._quarantine += quarantine
        return None

    def _take(
        self, number: int, file: SourceFile, batch: Batch, columns: FileColumns
    ) -> tuple[Verdicts, pa.Table]:
        """Type, judge and keep a batch; return what each row is, and the quarantine rows."""
        typed = columns.typed(batch)
        values = {name: column.values for name, column in typed.items()}
        if self._key:
            for name in PSEUDONYM_COLUMNS:
                values[name] = pseudonym(values[name], self._key, KINDS[name])
        erased = self._recognise(values["account_id"]) if self._recognise is not None else None
        others = self._of_others(values["account_id"])
        verdicts = judge(typed, batch.too_long, self._limits, others, erased)
        self._partitions.add(self._accepted(number, batch, values, np.flatnonzero(verdicts.accepted)))
        return verdicts, rejected(batch, values, verdicts, file.name)

    def _of_others(self, account_ids: pa.Array) -> Mask | None:
        if self._accounts is None:
            return None
        chosen = pc.is_in(account_ids, value_set=self._accounts)
        others: Mask = ~chosen.to_numpy(zero_copy_only=False)
        return others

    def _accepted(self, number: int, batch: Batch, values: dict[str, pa.Array], at: np.ndarray) -> pa.Table:
        rows = pa.array(at)
        kept = {name: value.take(rows) for name, value in values.items()}
        for name in _NORMALIZED:
            kept[name] = pc.utf8_normalize(kept[name], form="NFC")
        kept["text_key"] = pa.array(digests(kept["prompt"], TEXT_KEY.byte_width), TEXT_KEY)
        extras = {
            EXTRA + name: array.take(rows)
            for name, array in batch.columns.items()
            if name not in TRAFFIC.names
        }
        return pa.table(
            {name: kept[name] for name in PROMPTS.names} | {ORIGIN: origins(number, batch.rows[at])} | extras
        )

    def _set_aside_repeated_ids(self, sources: list[SourceFile]) -> None:
        losers = self._partitions.repeated_ids()
        file, row = split_origins(losers[ORIGIN].to_numpy())
        names = pa.array([source.name for source in sources], pa.string())
        self._quarantine.append(
            pa.table(
                {
                    "prompt_id": losers["prompt_id"],
                    "account_id": losers["account_id"],
                    "source": names.take(pa.array(file)),
                    "row": row,
                    "reason": pa.repeat(str(Reason.DUPLICATE_ID), losers.num_rows),
                    "detail": pa.repeat("another row with this id was kept", losers.num_rows),
                }
            ).cast(QUARANTINE)
        )

    def _refuse_excess(self, by_reason: Counter[str]) -> None:
        quarantined = by_reason.total()
        of_rows = self._rows_in + self._other_accounts  # a line that cannot be read may be anybody's
        share = quarantined / max(1, of_rows)
        limit = self._knobs.max_quarantine_share
        if share <= limit:
            return
        top = "; ".join(f"{reason}: {count}" for reason, count in by_reason.most_common(3))
        raise QuarantineLimitError(
            f"{quarantined} of {of_rows} rows were set aside ({share:.0%}, limit {limit:.0%})",
            where=str(self._run.path / "quarantine.parquet"),
            hint=f"{top}. Look at that file, repair the export or raise ingest.max_quarantine_share.",
        )
