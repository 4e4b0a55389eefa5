"""Bringing in what partners told: read the file, measure it on published days, write all of it or nothing; and later
measure it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from campaigns.entries import Clock, Seed, SeedsAdded, Tlp, utc_now
from campaigns.errors import InputError
from campaigns.records import MatcherState
from campaigns.runs import Run
from campaigns.settings import Settings
from campaigns.store import Store
from labeling.template import template_to_json
from matching.seed_collisions import measured
from matching.seed_files import RefusedSeed, SeedFile, ToldSeed, read_seed_file


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who told us, who brings it in, and what the command says of all seeds of a file. Of two markings the stricter."""

    partner: str
    author: str
    tlp: Tlp | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ImportedSeeds:
    """What an import did, or would do.

    Attributes:
        seeds: those of the file, each once, measured where it was not known.
        added: their ids by what became of them.
        refused: what was not taken; nothing of it is kept.
        repeated: seeds that the file holds more than once, counted from the second time.
    """

    file: SeedFile
    seeds: tuple[Seed, ...]
    added: SeedsAdded
    refused: tuple[RefusedSeed, ...]
    repeated: int

    @property
    def taken(self) -> list[Seed]:
        """New ones, and those that were brought back."""
        ids = {*self.added.imported, *self.added.brought_back}
        return [seed for seed in self.seeds if seed.seed_id in ids]


def import_seeds(
    store: Store,
    settings: Settings,
    path: Path,
    provenance: Provenance,
    *,
    again: bool = False,
    dry_run: bool = False,
    clock: Clock = utc_now,
) -> ImportedSeeds:
    """Take the seeds of a file that are not known, and measure what they would match.

    A known seed that was too new to be measured is measured now. Everything is written in one transaction.

    Args:
        again: bring removed ones back.
        dry_run: write nothing.

    Raises:
        InputError: the file cannot be read, or none of its seeds.
        UsageError: partner or author is blank.
    """
    file = read_seed_file(path, settings.label)
    if not file.seeds:
        raise InputError(
            f"no seed of the file can be read: {file.refused[0].reason}",
            where=f"{path}, {file.refused[0].place}",
            hint="See docs/seeds.md for the format.",
        )
    told = _once(file.seeds, provenance.partner)
    seeds = [_seed(name, one, file, provenance, clock) for name, one in sorted(told.items())]
    before = {seed.seed_id: seed for seed in store.seeds()}
    wanted = [seed for seed in seeds if _to_measure(before.get(seed.seed_id), again=again)]
    figures = _measured(wanted, latest_runs(store, settings), settings)
    seeds = [figures.get(seed.seed_id, seed) for seed in seeds]
    added = store.add_seeds(seeds, again=again, dry_run=dry_run)
    gone = tuple(RefusedSeed(told[name].place, _removed(store.seed(name))) for name in added.removed)
    return ImportedSeeds(file, tuple(seeds), added, file.refused + gone, len(file.seeds) - len(told))


def measure_seeds(store: Store, settings: Settings) -> list[Seed]:
    """Measure anew what is not removed, on the days that are published by now; return the seeds as they are then."""
    found = measured(store.seed_matchers(), latest_runs(store, settings), settings.label)
    store.record_seed_collisions(found)
    return store.seeds(removed=False)


def latest_runs(store: Store, settings: Settings) -> list[Run]:
    """Published runs of the latest `scaffold.trailing_days` days, the latest first, as far as their files are there."""
    latest = store.latest_day()
    if latest is None:
        return []
    days = [latest - timedelta(days=ago) for ago in range(settings.scaffold.trailing_days)]
    published = [entry for entry in map(store.current_run, days) if entry is not None]
    runs = [Run(settings.home / one.path, one.day, one.attempt, one.fingerprint) for one in published]
    return [run for run in runs if run.complete and (run.path / "family_members.parquet").exists()]


def _once(seeds: Sequence[ToldSeed], partner: str) -> dict[str, ToldSeed]:
    """By id; of one that is repeated the first, with the strictest marking of all."""
    told: dict[str, ToldSeed] = {}
    for one in seeds:
        first = told.setdefault(one.seed_id(partner), one)
        told[one.seed_id(partner)] = replace(first, tlp=_strictest(first.tlp, one.tlp))
    return told


def _strictest(one: Tlp | None, other: Tlp | None) -> Tlp | None:
    return one.stricter(other) if one and other else one or other


def _seed(seed_id: str, told: ToldSeed, file: SeedFile, provenance: Provenance, clock: Clock) -> Seed:
    """Not measured yet."""
    return Seed(
        seed_id=seed_id,
        partner=" ".join(provenance.partner.split()),
        tlp=_strictest(told.tlp, provenance.tlp) or Tlp.AMBER,
        note=told.note or provenance.note,
        objective=told.objective,
        first_seen=told.first_seen,
        last_seen=told.last_seen,
        template_json="" if told.template is None else template_to_json(told.template),
        fingerprint=told.fingerprint,
        imported_at=clock(),
        imported_by=provenance.author,
        source=file.name,
        source_sha256=file.sha256,
        state=None if told.template is None else MatcherState.UNTESTED,
        reason="a fingerprint has no words to seek; it is compared" if told.template is None else "",
    )


def _to_measure(before: Seed | None, *, again: bool) -> bool:
    """What is known keeps its figures, unless it was too new for any."""
    if before is None:
        return True
    return again if before.removed_at is not None else before.state is MatcherState.UNTESTED


def _measured(seeds: Sequence[Seed], runs: Sequence[Run], settings: Settings) -> dict[str, Seed]:
    """Those with a template, by id, with what was measured of it."""
    matchers = [seed.matcher for seed in seeds if seed.matcher is not None]
    figures = {found.campaign_id: found for found in measured(matchers, runs, settings.label)}
    return {
        seed.seed_id: seed.with_figures(figures[seed.seed_id]) for seed in seeds if seed.seed_id in figures
    }


def _removed(seed: Seed) -> str:
    return f"{seed.seed_id} was removed by {seed.removed_by}: {seed.removed_reason}; --again brings it back"
