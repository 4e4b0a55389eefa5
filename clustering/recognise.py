"""The identify stage: today's campaigns get their lasting ids, their wordings lasting numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from campaigns import files
from campaigns.entries import Event, KnownCampaign, Split
from campaigns.records import IDENTITIES, UNSEEN
from campaigns.runs import Counts, Run
from campaigns.settings import IdentitySettings, Settings
from clustering.apart import kept_apart
from clustering.fits import Found, Known, Remembered, Wording
from clustering.identity import Identity, recognise, variants
from clustering.overlap import Core

OUTPUTS = ("identities.parquet", "unseen.parquet")


def identify_families(
    run: Run, known: Sequence[KnownCampaign], workers: pl.DataFrame, settings: Settings, encoder: str = ""
) -> Counts:
    """Read families, wordings and what they ask for; write `OUTPUTS`.

    Args:
        known: campaigns of the days before.
        workers: columns campaign_id, account_id: who was named on the latest days of each.
        encoder: fingerprint of what made the run's vectors; directions of another one say nothing.
    """
    day = _Day.read(run)
    numbers = _Numbers(day.activity["account_id"], workers["account_id"])
    before = _known(known, workers, numbers, settings.identity, encoder)
    activity = np.zeros(len(numbers), np.int64)
    activity[numbers.of(day.activity["account_id"])] = day.activity["prompts"].to_numpy()
    campaigns, apart = kept_apart(day.campaigns, day.cores, before, settings.identity, day.by_direction)
    day = replace(day, campaigns=campaigns)
    found = [day.found(families, numbers) for families in day.campaigns]
    recognised = recognise(found, before, run.day, activity, settings.identity)
    files.write_parquet(
        run.path / "identities.parquet", _identities(day, found, recognised.identities, known, before, apart)
    )
    unseen = [_Unseen(name, identity) for name, identity in recognised.merged]
    seen = {identity.campaign_id for identity in recognised.identities}
    unseen += _ended(known, seen)
    unseen += _asleep(known, seen | {one.campaign_id for one in unseen}, run.day, settings.identity)
    files.write_parquet(run.path / "unseen.parquet", _unseen(unseen))
    events = [identity.event for identity in recognised.identities] + [one.identity.event for one in unseen]
    return {str(event): events.count(event) for event in Event}


@dataclass(frozen=True, slots=True)
class _Unseen:
    """What became of a known campaign that was not seen for `days`. `undo`: it is what a person said."""

    campaign_id: str
    identity: Identity
    days: int = 0
    undo: Split | None = None


@dataclass(frozen=True, slots=True)
class _Day:
    """
    Attributes:
        campaigns: the families of each of today's campaigns, the lead first, then the larger; `by_direction` those that
            only what they ask for joined to the others.
        cores: by family; `prompts` int64 by family; `directions` float32 (n_families, d), zeros where the encoder sees
            nothing.
        sent: columns family, account_id, prompts.
        activity: columns account_id, prompts: of all prompts of the day.
    """

    campaigns: list[list[int]]
    by_direction: frozenset[int]
    cores: list[Core]
    prompts: NDArray[np.int64]
    directions: NDArray[np.float32]
    sent: pl.DataFrame
    activity: pl.DataFrame

    @classmethod
    def read(cls, run: Run) -> _Day:
        wordings = pl.DataFrame(run.table("wordings", ["family", "lead", "by_direction"]))
        members = pl.DataFrame(run.table("family_members", ["text_key", "family"]))
        traffic = pl.DataFrame(run.prompts(["account_id", "text_key"]))
        count = pl.len().cast(pl.Int64).alias("prompts")
        sent = traffic.join(members, on="text_key").group_by("family", "account_id").agg(count)
        sizes = sent.group_by("family").agg(pl.sum("prompts"))
        n = wordings.height
        prompts = np.zeros(n, np.int64)
        prompts[sizes["family"].to_numpy()] = sizes["prompts"].to_numpy()
        ordered = (
            wordings.join(sizes, on="family")
            .sort("lead", pl.col("family") != pl.col("lead"), -pl.col("prompts"), "family")
            .group_by("lead", maintain_order=True)
            .agg("family")
        )
        return cls(
            ordered["family"].to_list(),
            frozenset(wordings.filter("by_direction")["family"]),
            [Core(*core) for core in run.cores(n)],
            prompts,
            np.load(run.path / "directions.npy").astype(np.float32),
            sent.sort("family", "account_id"),
            traffic.group_by("account_id").agg(count).sort("account_id"),
        )

    def found(self, families: Sequence[int], numbers: _Numbers) -> Found:
        sent = (
            self.sent.filter(pl.col("family").is_in(list(families)))
            .group_by("account_id")
            .agg(pl.sum("prompts"))
        )
        accounts = numbers.of(sent["account_id"])
        order = np.argsort(accounts)
        return Found(
            [self.wording(family) for family in families], accounts[order], sent["prompts"].to_numpy()[order]
        )

    def wording(self, family: int) -> Wording:
        direction = self.directions[family]
        return Wording(self.cores[family], int(self.prompts[family]), direction if direction.any() else None)


class _Numbers:
    """Accounts of the day and of the days before by a number, in the order of their ids."""

    def __init__(self, *names: pl.Series) -> None:
        self._names = pl.concat(names).unique().sort()

    def __len__(self) -> int:
        return len(self._names)

    def of(self, names: pl.Series) -> NDArray[np.int64]:
        return self._names.search_sorted(names).to_numpy().astype(np.int64)


def _known(
    known: Sequence[KnownCampaign],
    workers: pl.DataFrame,
    numbers: _Numbers,
    settings: IdentitySettings,
    encoder: str,
) -> list[Known]:
    """With the wordings that are still remembered: each as of its own campaign's last day."""
    accounts = {
        name: numbers.of(own["account_id"].unique().sort())
        for (name,), own in workers.partition_by("campaign_id", as_dict=True).items()
    }
    nobody = np.empty(0, np.int64)
    memory = timedelta(days=settings.memory_days)
    return [
        Known(
            one.campaign_id,
            one.last_day,
            [
                Remembered(
                    wording.variant,
                    Core(wording.features, wording.weights),
                    wording.day,
                    wording.direction.astype(np.float32)
                    if len(wording.direction) and wording.encoder == encoder
                    else None,
                )
                for wording in one.wordings
                if wording.day >= one.last_day - memory
            ],
            accounts.get(one.campaign_id, nobody),
            one.merged_into,
            one.decided,
            one.born_today,
            one.apart_from,
            None if one.formerly is None or one.untold is None else one.untold.campaign_id,
        )
        for one in known
    ]


def _identities(
    day: _Day,
    found: Sequence[Found],
    identities: Sequence[Identity],
    known: Sequence[KnownCampaign],
    before: Sequence[Known],
    apart: Mapping[int, Sequence[str]],
) -> pa.Table:
    """Schema IDENTITIES. Parts of one campaign share a lead: that of the part with most prompts.

    Args:
        apart: by first family, the campaigns to which accounts join it and a person has not.
    """
    first_free = {one.campaign_id: one.first_free for one in known}
    wordings = {one.campaign_id: one.wordings for one in before}
    said = {one.campaign_id: one.untold for one in known}
    parts: dict[str, list[int]] = {}
    for i, identity in enumerate(identities):
        parts.setdefault(identity.campaign_id, []).append(i)
    told: dict[int, dict[str, object]] = {}
    for name, places in parts.items():
        places.sort(key=lambda i: (-int(found[i].sent.sum()), day.campaigns[i][0]))
        families = [family for i in places for family in day.campaigns[i]]
        own = [wording for i in places for wording in found[i].wordings]
        numbers = variants(own, wordings.get(name, ()), first_free.get(name, 0))
        identity_of = [identities[i] for i in places for _ in day.campaigns[i]]
        for family, number, identity in zip(families, numbers, identity_of, strict=True):
            own_row = {"family": family, "campaign_id": name, "lead": families[0], "variant": number}
            told[family] = own_row | _why(identity, said=said.get(name))
        for i in places:
            others = apart.get(day.campaigns[i][0], ())
            if others and identities[i].event == Event.KEPT:
                asked = f"accounts join it to {', '.join(others)}, and only a person may"
                for family in day.campaigns[i]:
                    told[family] |= {"reason": f"{told[family]['reason']}; {asked}", "other_id": others[0]}
    return pa.Table.from_pylist([told[family] for family in sorted(told)], IDENTITIES)


def _unseen(rows: Iterable[_Unseen]) -> pa.Table:
    """Schema UNSEEN."""
    told = [
        {"campaign_id": one.campaign_id, **_why(one.identity, one.days, one.undo), "days": one.days}
        for one in rows
    ]
    return pa.Table.from_pylist(sorted(told, key=lambda row: str(row["campaign_id"])), UNSEEN)


def _ended(known: Sequence[KnownCampaign], seen: set[str]) -> list[_Unseen]:
    """Campaigns that a person had split off, and has given back since the last run."""
    return [
        _Unseen(one.campaign_id, Identity(one.merged_into, Event.MERGED, 0.0), undo=one.untold)
        for one in known
        if one.untold is not None and one.formerly is None and one.merged_into and one.campaign_id not in seen
    ]


def _asleep(
    known: Sequence[KnownCampaign], awake: set[str], day: date, settings: IdentitySettings
) -> list[_Unseen]:
    """Campaigns that have now been unseen for long enough to be dormant or retired, and were not the last time."""
    result = []
    before = max((one.last_day for one in known), default=day)
    for one in known:
        days = (day - one.last_day).days
        if one.campaign_id in awake or one.merged_into is not None or one.formerly is not None:
            continue
        for limit, event in ((settings.dormant_days, Event.DORMANT), (settings.retire_days, Event.RETIRED)):
            if days > limit >= (before - one.last_day).days:
                result.append(_Unseen(one.campaign_id, Identity(one.campaign_id, event, 0.0), days))
    return result


def _why(identity: Identity, days: int = 0, said: Split | None = None) -> dict[str, object]:
    """
    Args:
        said: the split that makes this campaign, or that ends it.
    """
    other = identity.other_id
    accounts = f"{identity.shared} of its accounts worked for it before; by chance {identity.expected:.1f} would have"
    like = f"its wording overlaps by {identity.overlap:.0%}"
    both = f"{like}, and {accounts}" if identity.shared else like
    asks = (
        f"; what the two ask for has a cosine of {identity.cosine:.2f}" if identity.cosine is not None else ""
    )
    reason = {
        Event.MINTED: f"no known campaign is near enough: the nearest overlaps by {identity.overlap:.0%}",
        Event.KEPT: both,
        Event.SPLIT: f"a wording of {other}, but next to no account sends both any longer; {like}",
        Event.MERGED: f"{identity.campaign_id} sends its wording, and nobody else does; {like}",
        Event.REAWAKENED: f"found again: {both}",
        Event.POSSIBLY_CONTINUES: f"perhaps {other} with other words or accounts: {both}{asks}",
        Event.DORMANT: f"not seen for {days} days",
        Event.RETIRED: f"not seen for {days} days; its id is not given again",
    }[identity.event]
    if said is not None and identity.event == Event.SPLIT:
        reason = f"{said.author} split it from {other}: {said.reason}; {both}"
    elif said is not None and identity.event == Event.MERGED:
        reason = f"{said.author} took back that it was split from {said.campaign_id}: {said.reason}"
    return {
        "event": str(identity.event),
        "reason": reason,
        "other_id": identity.campaign_id if identity.event == Event.MERGED else other,
        "overlap": identity.overlap,
        "shared": identity.shared,
        "expected": identity.expected,
        "cosine": identity.cosine,
    }
