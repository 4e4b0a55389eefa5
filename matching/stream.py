"""Known campaigns over any traffic, batch by batch, in bounded memory.

    find ─ read ─ check ─┬─ match ─ matches/part-*.parquet
                         ├─ prompts per account ─ counts.parquet, accounts.parquet
                         └─ quarantine.parquet

What is found in a prompt follows from that prompt and the known campaigns alone. Repeated prompt ids are not looked
for: that would take memory for every row. See `matching.folder` for what is written when.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from campaigns.entries import KnownMatcher
from campaigns.failpoints import failpoint
from campaigns.records import REQUIRED_COLUMNS
from campaigns.settings import Settings
from ingest.adapters import Shape
from ingest.batches import ReadOptions
from ingest.checks import Limits
from ingest.sources import SourceFile, find
from matching.counts import MatchCounts
from matching.folder import MATCHES, SENT, Checkpoint, Folder
from matching.known import How, KnownCampaigns, known_digest
from matching.match import Matches, match, slot_values
from matching.rows import STDIN, Rows, rows_of, stdin_file

log = logging.getLogger(__name__)

PART_BYTES: Final = 128 << 20
"""A part ends early when its matches take more memory than this."""

Progress = Callable[[MatchCounts], None]


@dataclass(frozen=True, slots=True)
class MatchRun:
    """A finished pass. `already`: it had been finished before, by the same call."""

    path: Path
    counts: MatchCounts
    manifest: dict[str, Any]
    already: bool = False


def match_traffic(
    source: str,
    known: Sequence[KnownMatcher],
    out: Path,
    settings: Settings,
    *,
    seeds: Sequence[KnownMatcher] = (),
    progress: Progress | None = None,
    shape: Shape | None = None,
    account_fields: Sequence[str] | None = None,
    day: date | None = None,
    force: bool = False,
    stdin: IO[bytes] | None = None,
) -> MatchRun:
    """Match all traffic of `source` and write the folder `out`.

    A pass that was killed goes on when it is called again alike; a finished one is not done again.

    Args:
        source: a file, folder, glob or URL; `-`: JSON Lines from `stdin`, which cannot be gone on with.
        seeds: sought like known campaigns; their name stands where the campaign id does.
        progress: called with the figures so far.
        shape: how to read every file; by default each file tells.
        day: only rows of this day (UTC); None: of any.
        force: start anew, whatever an earlier pass left in `out`.

    Raises:
        InputError: there is no traffic, no file of it can be read, or the system does not hand one over.
        UsageError: another pass has written to `out`, or is writing there now.
    """
    compiled = KnownCampaigns.of(known, seeds)
    folder = Folder(out)
    streamed = source == STDIN and stdin is not None
    sources = [stdin_file(stdin)] if streamed and stdin is not None else find(source)
    options = _options(settings, shape, account_fields)
    fingerprint = (
        secrets.token_hex(16) if streamed else _fingerprint(sources, compiled.digest, settings, options, day)
    )
    with folder.alone():
        if force:
            folder.clear()
        done = folder.finished()
        if done is not None and done["fingerprint"] == fingerprint:
            folder.tidy()
            return MatchRun(out, MatchCounts.from_json(done["counts"]), done, already=True)
        latest = datetime.now(UTC) + timedelta(hours=settings.ingest.future_tolerance_hours)
        start = folder.begin(fingerprint, latest.isoformat())
        end = _Pass(folder, compiled, settings, day, progress).work(sources, options, start)
        end.refuse_if_nothing_was_read()
        manifest = folder.finish(end, {"source": source, **_told(compiled)})
    return MatchRun(out, end.counts, manifest)


def _told(known: KnownCampaigns) -> dict[str, Any]:
    """What the manifest says of the campaigns that were sought."""
    return {
        "completed_at": datetime.now(UTC).isoformat(),
        "known": {
            "digest": known.digest,
            "campaigns": known.n_campaigns,
            "seeds": known.n_seeds,
            "wordings": known.n_wordings,
            "refused": len(known.refused),
        },
    }


def pass_fingerprint(
    source: str,
    known: Sequence[KnownMatcher],
    settings: Settings,
    *,
    shape: Shape | None = None,
    day: date | None = None,
) -> str:
    """What a pass over files depends on, in hex: equal ones write the same."""
    options = _options(settings, shape, None)
    return _fingerprint(find(source), known_digest(known), settings, options, day)


def _options(settings: Settings, shape: Shape | None, account_fields: Sequence[str] | None) -> ReadOptions:
    accounts = tuple(account_fields) if account_fields else None
    knobs = settings.ingest
    return ReadOptions(knobs.batch_rows, knobs.max_prompt_bytes, shape, accounts, REQUIRED_COLUMNS)


def _fingerprint(
    sources: Sequence[SourceFile],
    digest_of_known: str,
    settings: Settings,
    options: ReadOptions,
    day: date | None,
) -> str:
    """Names files, known campaigns and settings. A file's own mark (size, time, tag of the store) stands for its bytes:
    reading all of them would take as long as matching."""
    key = settings.secret_key.get_secret_value().encode()
    value = [
        [[file.name, file.size, file.filesystem.ukey(file.path)] for file in sources],
        digest_of_known,
        asdict(options),
        day.isoformat() if day else "",
        settings.match.part_rows,
        hashlib.sha256(b"shoal pseudonyms" + key).hexdigest(),
    ]
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


class _Part:
    """What has been found since the last finished part."""

    def __init__(self) -> None:
        self.matches: list[pa.Table] = []
        self.sent: list[pa.Table] = []
        self.quarantine: list[pa.Table] = []
        self.rows = 0
        self.bytes = 0

    def add(self, rows: Rows, matches: pa.Table, sent: list[pa.Table]) -> None:
        self.matches.append(matches)
        self.sent += sent
        self.quarantine.append(rows.set_aside)
        self.rows += rows.n_rows
        self.bytes += matches.nbytes + rows.set_aside.nbytes


class _Pass:
    """One pass: the known campaigns over the files, from a checkpoint to the end."""

    def __init__(
        self,
        folder: Folder,
        known: KnownCampaigns,
        settings: Settings,
        day: date | None,
        progress: Progress | None,
    ) -> None:
        self._folder = folder
        self._day = day
        self._known = known
        self._settings = settings
        self._key = settings.secret_key.get_secret_value().encode()
        self._progress = progress or (lambda _: None)
        self._campaign_ids = pa.array([owner.campaign_id for owner in known.owners], pa.string())
        self._variants = pa.array([owner.variant for owner in known.owners], pa.int32())
        self._how = pa.array([owner.how.value for owner in known.owners], pa.string())
        self._part = _Part()

    def work(self, sources: Sequence[SourceFile], options: ReadOptions, at: Checkpoint) -> Checkpoint:
        """
        Returns:
            The checkpoint after the last part.
        """
        limits = Limits(self._day, datetime.fromisoformat(at.latest), options.max_prompt_bytes)
        for number in range(at.file, len(sources)):
            skipped = at.batches if number == at.file else 0
            at = replace(at, file=number, batches=skipped)
            for place, rows in enumerate(rows_of(sources[number], options, limits, self._key)):
                if place < skipped:
                    continue
                at = self._take(rows, replace(at, batches=place + 1))
                self._progress(at.counts)
        at = replace(at, file=len(sources), batches=0)
        return self._closed(at) if self._part.rows or not at.parts else at

    def _take(self, rows: Rows, at: Checkpoint) -> Checkpoint:
        if rows.fault is not None:
            log.warning("%s", rows.fault)
            at = replace(at, fault=at.fault or (rows.fault.what, rows.fault.where, rows.fault.hint))
        found = match(rows.accepted["prompt"], self._known)
        matches = self._matches(rows.accepted, found)
        self._part.add(rows, matches, _sent(rows.accepted, matches))
        matched = len(np.unique(found.texts))
        counts = MatchCounts(
            rows.n_rows,
            matched,
            rows.accepted.num_rows - matched,
            rows.set_aside.num_rows,
            len(found),
            Counter(rows.set_aside["reason"].to_pylist()),
            rows.other_days,
        )
        at = replace(at, counts=at.counts + counts)
        full = self._part.rows >= self._settings.match.part_rows or self._part.bytes >= PART_BYTES
        return self._closed(at) if full else at

    def _closed(self, at: Checkpoint) -> Checkpoint:
        """Write the part; then it is finished."""
        part, self._part = self._part, _Part()
        self._folder.write_part(at.parts, part.matches, part.sent, part.quarantine)
        at = replace(at, parts=at.parts + 1)
        self._folder.record(at)
        failpoint("match:recorded")
        return at

    def _matches(self, accepted: pa.Table, found: Matches) -> pa.Table:
        rows, owners = pa.array(found.texts), pa.array(found.owners)
        return pa.table(
            {
                **{n: accepted[n].take(rows) for n in ("prompt_id", "account_id", "created_at")},
                "campaign_id": self._campaign_ids.take(owners),
                "variant": self._variants.take(owners),
                "strength": found.strength.astype(np.float32),
                "whole": found.whole,
                "slots": slot_values(accepted["prompt"], found),
                "how": self._how.take(owners),
            },
            schema=MATCHES,
        )


def _sent(accepted: pa.Table, matches: pa.Table) -> list[pa.Table]:
    """Tables of schema SENT: all prompts by account, and those of each campaign."""
    counts = pc.value_counts(accepted["account_id"])
    everything = pa.table(
        {
            "account_id": counts.field("values"),
            "campaign_id": pa.nulls(len(counts), pa.string()),
            "n_prompts": counts.field("counts"),
            "by_words": pa.array(np.zeros(len(counts), np.int64)),
        },
        schema=SENT,
    )
    by_words = pc.equal(matches["how"], How.WORDING.value).cast(pa.int64())
    keyed = matches.select(["account_id", "campaign_id"]).append_column("by_words", by_words)
    by_campaign = keyed.group_by(["account_id", "campaign_id"]).aggregate(
        [([], "count_all"), ("by_words", "sum")]
    )
    names = {"count_all": "n_prompts", "by_words_sum": "by_words"}
    by_campaign = by_campaign.rename_columns(names).select(SENT.names)
    return [everything, by_campaign.cast(SENT)]
