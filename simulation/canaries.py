"""Canaries: small synthetic campaigns in every day's run, so that a stage that fails in silence is heard.

Each stands for a way of hiding, is as large as `canaries.size` says of the smallest that the day could show, and comes
with cover traffic. A day draws templates of its own, so that no other day makes them easy to find. They are planted
after ingest, as a part beside the prompts that only discovery reads (`Run.searched_parts`), and `clustering.canaries`
takes them out again before anything is said about the traffic.

Everything follows from the settings' seed, the day, the number of its prompts and which texts it holds. Where a secret
key is set it enters too: who could foresee a template could hide real prompts among the planted ones.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from campaigns import files
from campaigns.records import PLANTED, PROMPTS, RESERVED_PREFIX, TEXT_KEY, TRAFFIC, text_key
from campaigns.runs import Counts, Run
from campaigns.settings import Settings
from embeddings.scaffold import minimum_accounts
from simulation import english
from simulation.clocks import shares, times
from simulation.draws import Draws, identifier, stream
from simulation.evasion import reworded
from simulation.grammar import Grammar, parse_rules, phrases
from simulation.organic import voice
from simulation.pools import Account, Group, Habits
from simulation.prose import language
from simulation.templates import LONG, MEDIUM, SHORT, SlotLengths
from simulation.terminals import terminals

COVER: Final = 0.3
"""Part of the canaries' traffic that is ordinary prompts."""

REWORDING: Final = 0.15
"""Part of the replaceable words that the reworded canary replaces: what a sound run still holds together."""

_SLOT: Final = "<passage>"
_HABITS: Final = Habits(volumes="even")


@dataclass(frozen=True, slots=True)
class Canary:
    """One planted campaign. `accounts` is in units of the fewest that may share a phrase; `prompts` per account."""

    name: str
    language: str
    slots: SlotLengths
    accounts: float
    prompts: int
    reworded: bool = False


CANARIES: Final = (
    Canary("exact", "en", SHORT, accounts=1.0, prompts=2),
    Canary("long", "de", LONG, accounts=1.0, prompts=2),
    Canary("reworded", "en", MEDIUM, accounts=2.0, prompts=3, reworded=True),
)


def plant(run: Run, settings: Settings) -> Counts:
    """Write `canaries/part-0000.parquet` (schema PROMPTS) and `canaries/planted.parquet`; both empty if none are due.

    A planted prompt whose text somebody sent is left out, so every text is either real or planted.
    """
    n_prompts = sum(pq.read_metadata(part).num_rows for part in run.prompt_parts())
    why_not = _why_not(n_prompts, settings)
    planted = [] if why_not else list(_planted(run.day, settings, n_prompts))
    table = pa.Table.from_pylist(
        [{**row, "text_key": text_key(str(row["prompt"]))} for row, _ in planted], PROMPTS
    )
    names = pa.array([name for _, name in planted], pa.string())
    fresh = pc.invert(_sent(run, table["text_key"]))
    table, names = table.filter(fresh), names.filter(fresh.combine_chunks())
    files.write_parquet(run.path / "canaries" / "part-0000.parquet", table.sort_by("prompt_id"))
    files.write_parquet(run.path / "canaries" / "planted.parquet", _truth(table, names))
    counts: Counts = {"planted": table.num_rows, "accounts": len(pc.unique(table["account_id"]))}
    return {**counts, "why_not": why_not} if why_not else counts


def _why_not(n_prompts: int, settings: Settings) -> str:
    if not settings.canaries.enabled:
        return "canaries.enabled is off"
    least = settings.canaries.min_prompts
    return f"{n_prompts:,} prompts, canaries need {least:,}" if n_prompts < least else ""


def _sent(run: Run, keys: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which of the keys are those of accepted prompts."""
    found = [pa.array([], TEXT_KEY)]
    for part in run.prompt_parts():
        real = files.read_parquet(part, ["text_key"])["text_key"]
        found.append(pc.unique(real.filter(pc.is_in(real, value_set=keys.combine_chunks()))))
    return pc.is_in(keys, value_set=pa.concat_arrays(found))


def _truth(table: pa.Table, names: pa.Array) -> pa.Table:
    """Schema PLANTED. A text that two canaries sent counts for neither; so does cover."""
    rows = (
        pa.table({"text_key": table["text_key"], "canary": names})
        .group_by("text_key")
        .aggregate([("canary", "min"), ("canary", "max"), ("canary", "count"), ([], "count_all")])
    )
    own = pc.and_(
        pc.equal(rows["canary_min"], rows["canary_max"]), pc.equal(rows["canary_count"], rows["count_all"])
    )
    canary = pc.if_else(own.fill_null(False), rows["canary_min"], pa.scalar(None, pa.string()))
    return pa.table(
        {"text_key": rows["text_key"], "canary": canary, "n_prompts": rows["count_all"]}, schema=PLANTED
    ).sort_by("text_key")


# -- rows ----------------------------------------------------------------------------------------------

Row = dict[str, object]


def _planted(day: date, settings: Settings, n_prompts: int) -> Iterator[tuple[Row, str | None]]:
    """The rows of all canaries and their cover, each with the name of the canary (None: cover)."""
    fewest = minimum_accounts(settings.scaffold, n_prompts)
    seed = _seed(settings)
    for canary in CANARIES:
        n_accounts = max(
            settings.family.min_accounts, round(canary.accounts * settings.canaries.size * fewest)
        )
        n_own = max(settings.family.min_prompts, canary.prompts * n_accounts)
        yield from _canary_rows(canary, day, seed, n_accounts, n_own)


def _seed(settings: Settings) -> int:
    secret = settings.secret_key.get_secret_value().encode()
    if not secret:
        return settings.seed
    return int.from_bytes(hmac.digest(secret, f"shoal canaries: {settings.seed}".encode(), hashlib.sha256))


def _canary_rows(
    canary: Canary, day: date, seed: int, n_accounts: int, n_own: int
) -> Iterator[tuple[Row, str | None]]:
    name = (RESERVED_PREFIX, canary.name, day.toordinal())
    template = _template(canary, stream(seed, *name, "template"))
    group = Group(identifier("canary", seed, *name), _HABITS, 0, day, canary.language)
    deal = stream(seed, *name, "deal")
    own = shares(n_own, n_accounts, "even", deal)
    cover = shares(round(n_own * COVER / (1 - COVER)), n_accounts, "even", deal)
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
    for number in range(n_accounts):
        draws = stream(seed, *name, number)
        person = voice(draws, canary.language)
        account = group.account(seed, number, person.language.code)
        account = replace(account, account_id=f"{RESERVED_PREFIX}{account.account_id}")
        count = int(own[number] + cover[number])
        turns = draws.shuffled([canary.name] * int(own[number]) + [None] * int(cover[number]))
        moments = times("daily", count, account.utc_offset, draws)
        for place, (turn, moment) in enumerate(zip(turns, moments, strict=True)):
            text = _request(canary, template, draws) if turn else person.prompt(draws)
            prompt_id = f"{RESERVED_PREFIX}{identifier('p', seed, *name, number, place)}"
            yield _row(prompt_id, account, midnight + moment, normalize("NFC", text), draws), turn


def _template(canary: Canary, draws: Draws) -> str:
    return _grammar(canary.language).expand(canary.name, draws, {})


@lru_cache(maxsize=4)
def _grammar(code: str) -> Grammar:
    return Grammar(parse_rules(phrases("canaries.grammar")), terminals(code), english.INFLECTIONS)


def _request(canary: Canary, template: str, draws: Draws) -> str:
    spoken = language(canary.language)
    scene = spoken.scene(draws.pick(spoken.topic_names), draws)
    passage = spoken.sentences(draws.between(canary.slots.low, canary.slots.high), draws, scene)
    before, after = template.split(_SLOT)
    if canary.reworded:
        before, after = (reworded(part, REWORDING, draws) for part in (before, after))
    return f"{before}{passage}{after}"


def _row(prompt_id: str, account: Account, moment: int, text: str, draws: Draws) -> Row:
    values = (
        prompt_id, account.account_id, moment, text, None, account.organization_id, account.api_key_id,
        draws.pick(account.models), account.user_agent, draws.pick(account.ips), account.asn, account.country,
        account.payment_fingerprint, account.created, 3 + len(text.encode()) // 4,
        5 + int(40 / (1.02 - draws.uniform())),
    )  # fmt: skip
    return dict(zip(TRAFFIC.names, values, strict=True))
