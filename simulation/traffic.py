"""A day of traffic as a stream of record batches.

Accounts come one after the other, and every account-day draws from a stream of its own. So the rows depend on
plan and day only, not on the batch size, and memory holds one batch however large the day is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from campaigns import files
from campaigns.records import TRAFFIC
from simulation import innocents
from simulation.clocks import times
from simulation.draws import Draws, identifier, stream
from simulation.organic import voice
from simulation.parties import Seat, Source, Work, crowd_work, ordinary, parties
from simulation.parts import CROWDS
from simulation.plan import SimulationPlan
from simulation.pools import Account, Group, Habits
from simulation.truth import PROMPT_TRUTH, account_truth, campaign_truth, event_truth

BATCH_ROWS = 5_000
ORGANIC = Habits()
_BUSIEST = 150
"""Most prompts a day of one ordinary account."""
_SYSTEM_SHARE = 0.08
"""Ordinary accounts that send a system prompt of their own."""

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class DayFiles:
    """What `write_day` wrote."""

    traffic: Path
    prompts: Path
    campaigns: Path
    accounts: Path
    events: Path
    rows: int


def generate(plan: SimulationPlan, day: date, *, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Rows of one day in batches of `batch_rows` (the last may be smaller), schema
    `campaigns.records.TRAFFIC`.

    Raises:
        UsageError: `day` is not one of the plan's.
    """
    for traffic, _ in generate_with_truth(plan, day, batch_rows=batch_rows):
        yield traffic


def generate_with_truth(
    plan: SimulationPlan, day: date, *, batch_rows: int = BATCH_ROWS
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """As `generate`, each batch with the truth of the same rows (schema `simulation.truth.PROMPT_TRUTH`)."""
    index = plan.index_of(day)
    rows: list[Row] = []
    truths: list[Row] = []
    for row, truth in _rows(plan, day, index):
        rows.append(row)
        truths.append(truth)
        if len(rows) == batch_rows:
            yield _batch(rows, TRAFFIC), _batch(truths, PROMPT_TRUTH)
            rows, truths = [], []
    if rows:
        yield _batch(rows, TRAFFIC), _batch(truths, PROMPT_TRUTH)


def write_day(plan: SimulationPlan, day: date, folder: Path) -> DayFiles:
    """Write `day=.../traffic.parquet` and `truth/day=.../{prompts,campaigns,accounts,events}.parquet`
    under `folder`.

    The truth lies in a folder of its own, so that `day=...` can be given to a run as it is.
    """
    name = f"day={day.isoformat()}"
    traffic_path = folder / name / "traffic.parquet"
    truth_folder = folder / "truth" / name
    truth_batches: list[pa.RecordBatch] = []
    options = {"compression": "zstd", "write_page_checksum": True}
    with (
        files.atomic_path(traffic_path) as temporary,
        pq.ParquetWriter(temporary, TRAFFIC, **options) as writer,
    ):
        for traffic, truth in generate_with_truth(plan, day):
            writer.write_batch(traffic)
            truth_batches.append(truth)
    prompts = pa.Table.from_batches(truth_batches, PROMPT_TRUTH)
    result = DayFiles(
        traffic=traffic_path,
        prompts=truth_folder / "prompts.parquet",
        campaigns=truth_folder / "campaigns.parquet",
        accounts=truth_folder / "accounts.parquet",
        events=truth_folder / "events.parquet",
        rows=prompts.num_rows,
    )
    files.write_parquet(result.prompts, prompts)
    files.write_parquet(result.campaigns, campaign_truth(plan, prompts, day))
    files.write_parquet(result.accounts, account_truth(prompts))
    files.write_parquet(result.events, event_truth(plan, day))
    return result


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


# -- rows ----------------------------------------------------------------------------------------------


def _rows(plan: SimulationPlan, day: date, index: int) -> Iterator[tuple[Row, Row]]:
    rented: defaultdict[Seat, Work] = defaultdict(list)
    for party in parties(plan, index):
        if any(seat.group.name != party.name for seat in party.seats):
            for seat, work in party.dealt(plan.seed, index):
                if seat.group.name != party.name:
                    rented[seat] += work
    for party in parties(plan, index):
        for seat, work in party.dealt(plan.seed, index):
            if seat.group.name == party.name:
                yield from _account_day(plan, day, seat, work + rented.pop(seat, []))
    for seat, work in rented.items():  # their owner lets them rest
        yield from _account_day(plan, day, seat, work)
    yield from _organic_rows(plan, day, index)


def _organic_rows(plan: SimulationPlan, day: date, index: int) -> Iterator[tuple[Row, Row]]:
    """Ordinary accounts in turn, active or not, until the day is full; some are in a crowd besides."""
    group = Group("organic", ORGANIC, 0, plan.first_day)
    planted = crowd_work(plan, index)
    left, number = plan.organic_on(index) + sum(i.ordinary for i in plan.innocents if i.kind in CROWDS), 0
    while left > 0:
        habit = stream(plan.seed, "habit", number)
        activity, rate = 0.15 + 0.8 * habit.uniform(), (1 - habit.uniform()) ** (-1 / 1.25)
        today = stream(plan.seed, "activity", number, index)
        if today.chance(activity) or number in planted:
            volume = min(1 + int((rate - 0.6) * 2 * today.uniform()), _BUSIEST, left)
            system = innocents.tool_prompt(habit) if habit.chance(_SYSTEM_SHARE) else None
            source = ordinary(plan, "organic", volume, own=True, system=system)
            yield from _account_day(
                plan, day, Seat(group, number), [(source, volume), *planted.pop(number, [])]
            )
            left -= volume
        number += 1
    for number, work in sorted(planted.items()):
        yield from _account_day(plan, day, Seat(group, number), work)


def _account_day(plan: SimulationPlan, day: date, seat: Seat, work: Work) -> Iterator[tuple[Row, Row]]:
    todo = [(source, ordinal) for source, count in work for ordinal in range(count)]
    if not todo:
        return
    group, number = seat.group, seat.number
    person = voice(stream(plan.seed, "voice", group.name, group.generation, number), group.language)
    account = group.account(plan.seed, number, person.language.code)
    draws = stream(plan.seed, "day", day.toordinal(), group.name, group.generation, number)
    if group.habits.clock != "nightly":  # a nightly list is asked in its order
        todo = draws.shuffled(todo)
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    for place, (moment, source, ordinal) in enumerate(_timed(todo, group.habits.clock, account, draws)):
        written = source.write(person, ordinal, draws)
        prompt_id = identifier("p", plan.seed, day.toordinal(), account.account_id, place)
        yield (
            _traffic_row(prompt_id, account, midnight + moment, written.text, source, draws),
            (
                prompt_id, account.account_id, source.kind, source.campaign, written.family, source.evasion,
                written.language, day.isoformat(), source.operator, source.lasting,
            ),
        )  # fmt: skip


def _timed(
    todo: list[tuple[Source, int]], usual: str, account: Account, draws: Draws
) -> list[tuple[int, Source, int]]:
    """The prompts with their times of day, ascending. Each clock gives its times to its own prompts."""
    by_clock: defaultdict[str, list[tuple[Source, int]]] = defaultdict(list)
    for item in todo:
        by_clock[item[0].clock or usual].append(item)
    timed = [
        (moment, *item)
        for clock, items in by_clock.items()
        for moment, item in zip(times(clock, len(items), account.utc_offset, draws), items, strict=True)
    ]
    return timed if len(by_clock) == 1 else sorted(timed, key=lambda entry: entry[0])


def _traffic_row(
    prompt_id: str, account: Account, moment: int, text: str, source: Source, draws: Draws
) -> Row:
    """Columns in the order of `TRAFFIC`."""
    tokens = 3 + len(text.encode()) // 4 + len(source.system or "") // 4
    return (
        prompt_id, account.account_id, moment, text, source.system, account.organization_id, account.api_key_id,
        source.model or draws.pick(account.models), account.user_agent, draws.pick(account.ips), account.asn,
        account.country, account.payment_fingerprint, account.created, tokens,
        5 + int(40 / (1.02 - draws.uniform())),
    )  # fmt: skip
