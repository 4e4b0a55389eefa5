"""Erasing accounts from all that Shoal keeps, and the proof that they are gone.

    tombstones, store ─ runs, day by day ─ passes over traffic ─ vectors ─ files handed off ─ store again ─ proof

Tombstones come first: from then on a run sets rows of these accounts aside. Whoever dies in the middle leaves a journal
(`campaigns.erasure`), and the next erasure ends what was begun. The proof comes last, over everything.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from filelock import FileLock, Timeout

from campaigns import erasure, rewriting, tombstones
from campaigns.audit import Action, append
from campaigns.decisions import said
from campaigns.entries import Clock, utc_now
from campaigns.errors import IntegrityError, LockHeldError, UsageError
from campaigns.failpoints import failpoint
from campaigns.keys import shared_key
from campaigns.locks import held
from campaigns.runs import MANIFEST, attempts, days, discard
from campaigns.scan import Scan, files_with, scan
from campaigns.settings import Settings
from campaigns.store import Store
from ingest.pseudonyms import KINDS, is_pseudonym, pseudonym

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOCK: Final = ".erasing.lock"
_SKIP: Final = (erasure.JOURNAL, _LOCK)


@dataclass(slots=True)
class Erased:
    """
    Attributes:
        accounts: that were asked for.
        prompts, texts: of theirs that runs held; texts are those that nobody else sent.
        changed: rows and files, by place.
        scan: what the proof looked at; in a dry run, what is there to be taken out.
    """

    accounts: int
    prompts: int
    texts: int
    dry_run: bool
    changed: Counter[str] = field(default_factory=Counter)
    scan: Scan = field(default_factory=Scan)


def forms(account_id: str, settings: Settings) -> tuple[str, ...]:
    """The ids that an account may have in what Shoal keeps: as given, and its pseudonym where a key is set."""
    key = settings.secret_key.get_secret_value().encode()
    kind = KINDS["account_id"]
    if not key or is_pseudonym(account_id, kind):
        return (account_id,)
    return (account_id, *pseudonym(pa.array([account_id]), key, kind).to_pylist())


def erase(
    settings: Settings,
    store: Store,
    accounts: Sequence[str],
    *,
    reason: str,
    author: str,
    dry_run: bool = False,
    clock: Clock = utc_now,
) -> Erased:
    """Take accounts out of store, runs, passes, cache and files handed off. What was cut short is ended as well.

    Raises:
        UsageError: no account, or reason or author is blank.
        LockHeldError: a run, or another erasure, is at work. What was done so far stays done.
        IntegrityError: a run is damaged, or the proof found something; `campaigns.rewriting` says why it refuses.
    """
    wanted = sorted({name for given in accounts if (name := given.strip())})
    if not wanted:
        raise UsageError("no account is named", hint="shoal erase --account ID --reason WHY")
    said("reason", reason, "an erasure")
    said("author", author, "an erasure")
    ids = {form for name in wanted for form in forms(name, settings)}
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.home / _LOCK, blocking=False):
            return _Erasure(settings, store, len(wanted), ids, reason, author, clock).work(dry_run=dry_run)
    except Timeout:
        raise LockHeldError(
            "another erasure is at work", where=str(settings.home), hint="Wait for it, then try again."
        ) from None


class _Erasure:
    def __init__(
        self,
        settings: Settings,
        store: Store,
        accounts: int,
        ids: set[str],
        reason: str,
        author: str,
        clock: Clock,
    ) -> None:
        self._settings, self._store, self._home = settings, store, settings.home
        self._accounts, self._reason, self._author, self._clock = accounts, reason, author, clock
        before = erasure.noted(self._home)
        self._gone = erasure.gather(self._home, ids | (before.ids if before else set()))
        if before is not None:
            self._gone.add(before)
        self._handed_off = _handed_off(settings)

    def work(self, *, dry_run: bool) -> Erased:
        gone = self._gone
        done = Erased(self._accounts, len(gone.prompts), len(gone.texts), dry_run)
        if dry_run:
            done.scan = self._scan()
            return done
        erasure.note(self._home, gone)
        failpoint("erase:noted")
        digests = self._bury()
        failpoint("erase:buried")
        self._runs(done.changed)
        failpoint("erase:runs")
        self._passes(done.changed)
        self._cache(done.changed)
        failpoint("erase:cache")
        self._handed(done.changed)
        failpoint("erase:files")
        with self._store.writing() as session:  # bodies may have been composed meanwhile
            for table, number in erasure.clean_store(session, gone).items():
                done.changed[f"store: {table}"] += number
        self._store.compact()
        done.scan = self._scan()
        if done.scan.ours:
            hit = done.scan.ours[0]
            raise IntegrityError(
                f"{sum(one.count for one in done.scan.ours)} traces are left, the first in {hit.where} ({hit.kind})",
                where=str(self._home),
                hint="Something wrote while the erasure went on. Stop it and run the same command again.",
            )
        failpoint("erase:proved")
        self._close(digests, done)
        erasure.forget(self._home)
        return done

    def _bury(self) -> list[str]:
        """Tombstones and the store in one unit: whoever sees one need not look for the account elsewhere in it."""
        key = shared_key(self._store, tombstones.KEY)
        digests = sorted(tombstones.digest(key, name) for name in self._gone.ids)
        with self._store.writing() as session:
            tombstones.bury(
                session,
                digests,
                reason=self._gone.redacted(self._reason),
                author=self._author,
                at=self._clock(),
            )
            erasure.clean_store(session, self._gone)
        return digests

    def _close(self, digests: Sequence[str], done: Erased) -> None:
        counts = {
            "accounts": done.accounts,
            "prompts": done.prompts,
            "texts": done.texts,
            "places": len(done.changed),
        }
        with self._store.writing() as session:
            tombstones.close(session, digests, counts)
            for digest in digests:
                append(
                    session,
                    actor=self._author,
                    action=Action.ERASED,
                    subject=f"tombstone {digest[:16]}",
                    details={"digest": digest, "reason": self._gone.redacted(self._reason), **counts},
                    at=self._clock(),
                )

    def _runs(self, changed: Counter[str]) -> None:
        for day in days(self._home):
            with held(self._store, day, lease_seconds=self._settings.flow.lock_lease_seconds) as lock:
                for run in attempts(self._home, day):
                    if not run.complete and rewriting.begun(run.path) is None:
                        discard(run.path)  # it can be done again, without the account
                        changed[f"unfinished run {run.run_id}"] += 1
                        continue
                    rewriting.finish(self._store, lock, run)
                    rewriting.refuse_damaged(run)
                    staged, counts = erasure.stage_run(run, self._gone, _build_index)
                    note = rewriting.Note("erasures", counts)
                    rewriting.commit(self._store, lock, run, staged, note, self._clock)
                    for table, number in counts.items():
                        changed[f"run {run.run_id}: {table}"] += number

    def _passes(self, changed: Counter[str]) -> None:
        for folder in _passes(self._home):
            log = rewriting.begun(folder)
            if log is not None:
                rewriting.move(folder, log)
                rewriting.clear(folder)
            staged, counts = erasure.stage_folder(folder, self._gone)
            if staged.names:
                _put_manifest(folder, staged)
                staged.ready({})
                rewriting.move(folder, rewriting.begun(folder) or {"files": []})
            rewriting.clear(folder)
            for table, number in counts.items():
                changed[f"{folder.relative_to(self._home)}: {table}"] += number

    def _cache(self, changed: Counter[str]) -> None:
        from embeddings.cache import drop

        for folder in _folders(self._home / "cache" / "vectors"):
            number = drop(folder, self._gone.cached | self._gone.keys)
            if number:
                changed["cache: vectors"] += number
        for path in files_with(self._home / "cache" / "labels", self._gone):
            path.unlink()  # an answer of a labelling service, which can be asked again
            changed["cache: answers"] += 1

    def _handed(self, changed: Counter[str]) -> None:
        from enforcement.erased import erase_handed_off

        number = erase_handed_off(self._handed_off, self._gone.ids)
        if number:
            changed["files handed off"] += number

    def _scan(self) -> Scan:
        with self._store.reading() as session:
            return scan(self._home, session, self._gone, [self._handed_off], _SKIP)


def _build_index(vectors: NDArray[np.float32], path: Path) -> None:
    import numpy as np

    from embeddings.index import CosineIndex

    CosineIndex.build(vectors, np.arange(len(vectors), dtype=np.int64)).save(path)


def _passes(home: Path) -> list[Path]:
    """Folders of `shoal match` below the home, finished or not."""
    return [path for path in _folders(home / "matches") if any(path.rglob("*.parquet"))]


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _put_manifest(folder: Path, staged: rewriting.Staged) -> None:
    path = folder / MANIFEST
    if not path.exists():
        return
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    changed: Mapping[str, Any] = manifest["files"]
    for name in changed.keys() & staged.names:
        manifest["files"][name] = {"sha256": staged.sha256(name), "rows": staged.rows(name)}
    staged.put_json(MANIFEST, manifest)


def _handed_off(settings: Settings) -> Path:
    return Path(settings.delivery.folder) if settings.delivery.folder else settings.home / "handoff"


def account_ids_of(path: Path) -> list[str]:
    """The ids of a file, one a line.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError("the file of accounts cannot be read", where=str(path)) from None
    return [line.strip() for line in lines if line.strip()]
