"""The steps of a run as Prefect tasks: shells of one call each round the rooms' plain functions.

A step is handed a `RunRef`, never data. It is done once per run: `Run.stage` skips what is recorded and intact.
What the store says may change between a crash and the resumption, so steps that ask it name the answer as `inputs`,
and those that read what these wrote come `after` them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from campaigns import files
from campaigns.runs import Counts, Run
from campaigns.settings import Settings
from flows import progress
from flows.resources import RunRef, encode, encoder

_shell: Any = task(cache_policy=NO_CACHE, persist_result=False, cache_result_in_memory=False)
Work = Callable[[Run, Settings], Counts]

CHOSEN: Final = "chosen.parquet"
"""The accounts of a second pass, in its run folder."""


def _do(
    ref: RunRef,
    name: str,
    work: Work,
    outputs: list[str],
    optional: list[str] | None = None,
    *,
    after: tuple[str, ...] = (),
    asked: Iterable[str] = (),
) -> None:
    """
    Args:
        after: the stages, from `group` on, whose files `work` reads. It is done again if they wrote something else.
        asked: digests of what the store, and through it other runs, had to say.
    """
    run, settings = ref.run(), ref.settings()
    with progress.stage(name):
        parts = [*asked, *([run.written_by(*after)] if after else [])]
        inputs = hashlib.sha256("\n".join(parts).encode()).hexdigest() if parts else ""
        run.stage(name, lambda: work(run, settings), outputs, optional or [], inputs=inputs)


@_shell
def ingest(ref: RunRef) -> None:
    """Traffic to checked, partitioned prompts; of a second pass, those of the accounts chosen."""
    from campaigns.store import Store
    from campaigns.tombstones import recogniser
    from ingest.adapters import Shape
    from ingest.stage import OUTPUTS
    from ingest.stage import ingest as work

    with Store.open(ref.settings()) as store:
        recognise = recogniser(store)

    def counted(run: Run, settings: Settings) -> Counts:
        shape = Shape(ref.shape) if ref.shape else None
        accounts = None
        if ref.second is not None:
            chosen = files.read_parquet(Path(ref.second.chosen))
            files.write_parquet(run.path / CHOSEN, chosen)
            accounts = chosen["account_id"].combine_chunks()
        counts = work(
            run,
            settings,
            ref.source,
            progress=progress.advance,
            shape=shape,
            accounts=accounts,
            recognise=recognise,
        )
        return counts.as_counts()

    _do(ref, "ingest", counted, list(OUTPUTS), ["extras.parquet", CHOSEN])


@_shell
def plant(ref: RunRef) -> None:
    """Canaries beside the prompts, for discovery alone."""
    from simulation.canaries import plant as work

    _do(ref, "plant", work, ["canaries/part-*.parquet", "canaries/planted.parquet"])


@_shell
def scaffold(ref: RunRef) -> None:
    """Prompts to distinct texts with their scaffold and skeleton."""
    from embeddings.stage import build_scaffold

    _do(
        ref,
        "scaffold",
        lambda run, settings: build_scaffold(run, settings, progress=progress.advance),
        ["texts.parquet"],
    )


@_shell
def group(ref: RunRef) -> None:
    """Texts to lexical groups, by what marks them today and was not usual on the days before."""
    from flows.trailing import trailing_days

    background = "background.parquet"
    trailing = trailing_days(ref.settings(), ref.run().day, "cluster", background)

    def work(run: Run, settings: Settings) -> Counts:
        from clustering.stage import group as form_groups

        return form_groups(run, settings, {day.run_id: day.folder / background for day in trailing})

    asked = [day.asked for day in trailing]
    _do(ref, "group", work, ["groups.parquet", "open_texts.parquet", "usual.parquet"], asked=asked)


@_shell
def represent(ref: RunRef) -> None:
    """Choose what is worth a vector."""
    from embeddings.representatives import choose

    _do(ref, "represent", choose, ["representatives.parquet"], after=("group",))


@_shell
def embed(ref: RunRef) -> None:
    """Representatives to vectors, through the cache."""
    _do(ref, "embed", _embed, ["vectors.npy"], after=("represent",))


def _embed(run: Run, settings: Settings) -> Counts:
    texts = run.table("representatives", ["text"])["text"].to_pylist()
    vectors, counts = encode(settings, texts)
    files.write_array(run.path / "vectors.npy", vectors)
    return counts


@_shell
def index(ref: RunRef) -> None:
    """Vectors to a FAISS index."""

    def work(run: Run, _: Settings) -> Counts:
        from embeddings.index import CosineIndex

        vectors = np.load(run.path / "vectors.npy")
        built = CosineIndex.build(vectors, np.arange(len(vectors), dtype=np.int64))
        built.save(run.path / "index.faiss")
        return {"vectors": len(vectors)}

    _do(ref, "index", work, ["index.faiss"], after=("embed",))


@_shell
def cluster(ref: RunRef) -> None:
    """Groups and vectors to verified families."""
    from clustering.stage import cluster as work

    names = ("family_members", "family_cores", "background", "canaries")
    outputs = [f"{name}.parquet" for name in names]
    _do(ref, "cluster", work, outputs, after=("group", "represent", "embed"))


@_shell
def label(ref: RunRef) -> None:
    """Families to templates, keyphrases, objectives and titles."""
    from labeling.stage import label as work

    _do(
        ref,
        "label",
        lambda run, settings: work(run, settings, lambda texts: encode(settings, texts)[0]),
        ["labels.parquet", "matchers.parquet", "slot_values.parquet", "directions.npy"],
        after=("cluster",),
    )


@_shell
def join(ref: RunRef) -> None:
    """Families that one pool sends in several wordings to campaigns."""
    from accounts.stage import join_families as work

    _do(ref, "join", work, ["wordings.parquet"], after=("cluster", "label"))


@_shell
def cover(ref: RunRef) -> None:
    """Families that are reworded each time to covers."""
    from labeling.cover_stage import cover as work

    _do(ref, "cover", work, ["covers.parquet"], after=("cluster", "label", "join"))


@_shell
def identify(ref: RunRef) -> None:
    """Families to lasting campaign ids. A second pass knows those that the first one gave."""
    from campaigns.store import Store
    from clustering.recognise import OUTPUTS
    from flows.known import known_then, workers_of

    settings, day, first_pass = ref.settings(), ref.run().day, ref.first_pass()
    then = [] if first_pass is None else known_then(first_pass, settings)
    with Store.open(settings) as store:
        known = store.known_campaigns(day, latest_days=settings.identity.account_days, first_pass=then)
    workers, files_asked = workers_of(known, settings)

    def work(run: Run, settings: Settings) -> Counts:
        from campaigns.carried import carry_lineage
        from clustering.recognise import identify_families

        counts = identify_families(run, known, workers, settings, encoder(settings).fingerprint)
        return counts if first_pass is None else carry_lineage(run, first_pass)

    asked = [
        *(wording.digest for one in known for wording in one.wordings),
        *(
            f"{one.campaign_id} {one.last_day} {one.merged_into} {one.first_free} {one.decided}"
            f" {one.apart_from} {one.formerly} {one.untold}"
            for one in known
        ),
        *files_asked,
    ]
    _do(ref, "identify", work, list(OUTPUTS), after=("cluster", "label", "join"), asked=asked)


@_shell
def link(ref: RunRef) -> None:
    """Campaigns to their accounts, tiers, operators and reasons."""

    from accounts.history import FILES
    from campaigns.store import Store
    from flows.learning import learn
    from flows.trailing import trailing_days

    settings, day = ref.settings(), ref.run().day
    with Store.open(settings) as store:
        allowed, first_days = store.allowed(day), store.first_days(day)
        ranker = learn(store, settings).ranker
    trailing = trailing_days(settings, day, "link", *FILES)

    def work(run: Run, settings: Settings) -> Counts:
        from accounts.stage import link_campaigns

        folders = [before.folder for before in trailing]
        return link_campaigns(run, settings, allowed, trailing=folders, first_days=first_days, ranker=ranker)

    from accounts.stage import OUTPUTS

    asked = [
        *(repr(entry) for entry in allowed),
        *(before.asked for before in trailing),
        *(f"{name} {first}" for name, first in sorted(first_days.items())),
        *([ranker.digest] if ranker is not None else []),
    ]
    _do(ref, "link", work, list(OUTPUTS), after=("cluster", "label", "join", "identify"), asked=asked)


@_shell
def collide(ref: RunRef) -> None:
    """Known matchers to whom they meet among the day's other prompts. The accounts of a second pass are no even sample
    of these, so that it keeps what the first one met."""
    from campaigns.store import Store
    from flows.known import workers_of

    settings, day, first_pass = ref.settings(), ref.run().day, ref.first_pass()
    with Store.open(settings) as store:
        before = store.known_matchers(day, skip_gone=True)
        known = store.known_campaigns(day, latest_days=settings.identity.account_days)
    workers, files_asked = workers_of(known, settings)

    def work(run: Run, _: Settings) -> Counts:
        import polars as pl

        from campaigns.known_matchers import read_matchers

        if first_pass is not None:
            met = first_pass.table("collisions")
            files.write_parquet(run.path / "collisions.parquet", met)
            return {"wordings": met.num_rows}
        from labeling.nightly import collide as try_matchers

        accounts = pl.DataFrame(run.table("accounts", ["campaign_id", "account_id", "is_core"]))
        named = pl.concat([workers, accounts.filter("is_core").select(workers.columns)])
        return try_matchers(run, before, read_matchers(run.path, run.day), named)

    asked = [*(repr(entry) for entry in before), *files_asked]
    after = ("cluster", "label", "identify", "link")
    _do(ref, "collide", work, ["collisions.parquet"], after=after, asked=asked)


@_shell
def layout(ref: RunRef) -> None:
    """Vectors to a map for the eyes."""

    def work(run: Run, settings: Settings) -> Counts:
        from clustering.layout import layout as place

        places = place(np.load(run.path / "vectors.npy"), settings)
        files.write_array(run.path / "layout.npy", places)
        return {"points": len(places)}

    _do(ref, "layout", work, ["layout.npy"], after=("embed",))


@_shell
def results(ref: RunRef) -> None:
    """What was found, told by campaign id."""
    from campaigns.results import write_results

    def work(run: Run, settings: Settings) -> Counts:
        return write_results(run, settings, ref.first_pass())

    names = ("members", "campaigns", "variants", "map", "prevalence", "prevalence_accounts")
    outputs = [f"{name}.parquet" for name in names]
    after = ("represent", "cluster", "label", "join", "identify", "link", "layout")
    _do(ref, "results", work, outputs, after=after)


@_shell
def seeds(ref: RunRef) -> None:
    """Campaigns beside what partners told of. Nothing comes after it."""
    from campaigns.store import Store
    from matching.seeds import tell

    settings = ref.settings()
    with Store.open(settings) as store:
        known = store.seeds(removed=False)

    def work(run: Run, settings: Settings) -> Counts:
        return tell(run, known, settings)

    asked = [f"{seed.seed_id} {seed.state} {seed.anywhere}" for seed in known]
    _do(ref, "seeds", work, ["seeds.parquet"], after=("cluster", "identify"), asked=asked)
