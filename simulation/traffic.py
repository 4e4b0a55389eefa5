"""A day of traffic as a stream of record batches.

Accounts come one after the other, and every account-day draws from a stream of its own. So the rows depend on
plan and day only, not on the batch size, and memory holds one batch however large the day is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from campaigns import files
from campaigns.records import TRAFFIC
from simulation import evasion, innocents
from simulation.clocks import shares, times
from simulation.draws import Draws, identifier, stream
from simulation.evasion import Written
from simulation.organic import Voice, voice
from simulation.plan import CampaignPlan, InnocentPlan, SimulationPlan
from simulation.pools import Account, Group, Habits, pool_habits
from simulation.truth import PROMPT_TRUTH, account_truth, campaign_truth

BATCH_ROWS = 5_000
ORGANIC = Habits()
_BUSIEST = 150
"""Most prompts a day of one ordinary account."""
_SYSTEM_SHARE = 0.08
"""Ordinary accounts that send a system prompt of their own."""

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of prompt that a group's accounts send; `write` takes the account's voice and the prompt's
    ordinal."""

    kind: str
    write: Callable[[Voice, int, Draws], Written]
    prompts: int
    campaign: str | None = None
    evasion: str | None = None
    system: str | None = None
    volumes: str = "even"


@dataclass(frozen=True, slots=True)
class Party:
    """A planted group on one day: its accounts and what they send."""

    group: Group
    accounts: int
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class DayFiles:
    """What `write_day` wrote."""

    traffic: Path
    prompts: Path
    campaigns: Path
    accounts: Path
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
    """Write `day=.../traffic.parquet` and `truth/day=.../{prompts,campaigns,accounts}.parquet` under
    `folder`.

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
        rows=prompts.num_rows,
    )
    files.write_parquet(result.prompts, prompts)
    files.write_parquet(result.campaigns, campaign_truth(plan, prompts, day))
    files.write_parquet(result.accounts, account_truth(prompts))
    return result


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


# -- who sends what ------------------------------------------------------------------------------------


def _parties(plan: SimulationPlan, day_index: int) -> Iterator[Party]:
    for operator, pool in plan.pools().items():
        first = pool[0]
        generation = first.generation_on(day_index)
        opened = plan.dates[2] if generation else plan.first_day
        habits = pool_habits(first.leaks, first.clock, first.volumes, generation)
        sources = []
        for campaign in pool:
            sources += [
                _campaign_source(campaign, plan, day_index),
                _ordinary("cover", campaign.cover_on(day_index), own=False),
            ]
        yield Party(Group(operator, habits, generation, opened), first.accounts, tuple(sources))
    for innocent in plan.innocents:
        if innocent.active_on(day_index):
            group = Group(innocent.label, innocents.LOOKS[innocent.kind].habits, 0, plan.first_day)
            sources = [_innocent_source(innocent, plan), _ordinary("organic", innocent.ordinary, own=True)]
            yield Party(group, innocent.accounts, tuple(sources))


def _campaign_source(campaign: CampaignPlan, plan: SimulationPlan, day_index: int) -> Source:
    return Source(
        kind="campaign",
        write=lambda _person, _ordinal, draws: evasion.write(campaign, plan.seed, day_index, draws),
        prompts=campaign.prompts_on(day_index),
        campaign=campaign.name,
        evasion=campaign.evasion,
        volumes=campaign.volumes,
    )


def _innocent_source(innocent: InnocentPlan, plan: SimulationPlan) -> Source:
    return Source(
        kind=f"benign:{innocent.kind}",
        write=lambda person, ordinal, draws: innocents.write(innocent, plan, person, ordinal, draws),
        prompts=innocent.prompts_per_day,
        system=innocents.system_prompt(innocent, plan.seed),
        volumes=innocents.LOOKS[innocent.kind].habits.volumes,
    )


def _ordinary(kind: str, prompts: int, *, own: bool, system: str | None = None) -> Source:
    """Prompts of ordinary people: in the account's `own` voice, or relayed for a new person each time."""

    def write(person: Voice, _ordinal: int, draws: Draws) -> Written:
        speaker = person if own else voice(draws)
        return Written(speaker.prompt(draws), None, speaker.language.code)

    return Source(kind, write, prompts, system=system, volumes="even" if kind == "cover" else "heavy")


# -- rows ----------------------------------------------------------------------------------------------


def _rows(plan: SimulationPlan, day: date, index: int) -> Iterator[tuple[Row, Row]]:
    for party in _parties(plan, index):
        deal = stream(plan.seed, "volumes", party.group.name, index)
        counts = [shares(source.prompts, party.accounts, source.volumes, deal) for source in party.sources]
        for number in range(party.accounts):
            work = [(source, int(count[number])) for source, count in zip(party.sources, counts, strict=True)]
            yield from _account_day(plan, day, party.group, number, work)
    yield from _organic_rows(plan, day, index)


def _organic_rows(plan: SimulationPlan, day: date, index: int) -> Iterator[tuple[Row, Row]]:
    """Ordinary accounts in turn, active or not, until the day is full."""
    group = Group("organic", ORGANIC, 0, plan.first_day)
    left, number = plan.organic_on(index), 0
    while left > 0:
        habit = stream(plan.seed, "habit", number)
        activity, rate = 0.15 + 0.8 * habit.uniform(), (1 - habit.uniform()) ** (-1 / 1.25)
        today = stream(plan.seed, "activity", number, index)
        if today.chance(activity):
            volume = min(1 + int((rate - 0.6) * 2 * today.uniform()), _BUSIEST, left)
            system = innocents.tool_prompt(habit) if habit.chance(_SYSTEM_SHARE) else None
            source = _ordinary("organic", volume, own=True, system=system)
            yield from _account_day(plan, day, group, number, [(source, volume)])
            left -= volume
        number += 1


def _account_day(
    plan: SimulationPlan, day: date, group: Group, number: int, work: list[tuple[Source, int]]
) -> Iterator[tuple[Row, Row]]:
    todo = [(source, ordinal) for source, count in work for ordinal in range(count)]
    if not todo:
        return
    account = group.account(plan.seed, number)
    person = voice(stream(plan.seed, "voice", group.name, group.generation, number))
    draws = stream(plan.seed, "day", day.toordinal(), group.name, group.generation, number)
    if group.habits.clock != "nightly":  # a nightly list is asked in its order
        todo = draws.shuffled(todo)
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    moments = times(group.habits.clock, len(todo), account.utc_offset, draws)
    for place, ((source, ordinal), moment) in enumerate(zip(todo, moments, strict=True)):
        written = source.write(person, ordinal, draws)
        prompt_id = identifier("p", plan.seed, day.toordinal(), account.account_id, place)
        yield (
            _traffic_row(prompt_id, account, midnight + moment, written.text, source.system, draws),
            (
                prompt_id, account.account_id, source.kind, source.campaign, written.family, source.evasion,
                written.language, day.isoformat(),
            ),
        )  # fmt: skip


def _traffic_row(
    prompt_id: str, account: Account, moment: int, text: str, system: str | None, draws: Draws
) -> Row:
    """Columns in the order of `TRAFFIC`."""
    tokens = 3 + len(text.encode()) // 4 + len(system or "") // 4
    return (
        prompt_id, account.account_id, moment, text, system, account.organization_id, account.api_key_id,
        draws.pick(account.models), account.user_agent, draws.pick(account.ips), account.asn, account.country,
        account.payment_fingerprint, account.created, tokens, 5 + int(40 / (1.02 - draws.uniform())),
    )  # fmt: skip
