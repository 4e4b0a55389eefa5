"""How many accounts a decision is about: those that runs name in campaigns, each counted once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from campaigns.errors import IntegrityError


class Looked(Protocol):
    """A campaign in a run; `campaigns.proposals.Target` is one, and so are rows of the queue."""

    @property
    def campaign_id(self) -> str: ...
    @property
    def run_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Named:
    """Distinct named accounts: of each campaign, and of all of them together."""

    per_campaign: dict[str, int]
    together: int


def named_accounts(home: Path, targets: Sequence[Looked]) -> Named:
    """Count the accounts that belong to the core of a campaign in its run; passers-by are not named.

    Args:
        home: holds the runs.
        targets: campaigns by their ids, each once.

    Raises:
        IntegrityError: the accounts of a run are gone or damaged, so that nobody can say how many there are.
    """
    per_campaign = {target.campaign_id: 0 for target in targets}
    accounts = []
    for run_id, names in _by_run(targets).items():
        rows = _core(accounts_file(home, run_id), names)
        counts = pc.value_counts(rows["campaign_id"])
        per_campaign |= dict(zip(counts.field(0).to_pylist(), counts.field(1).to_pylist(), strict=True))
        accounts.append(rows["account_id"].combine_chunks())
    together = len(pc.unique(pa.chunked_array(accounts, pa.string())))
    return Named(per_campaign, together)


@dataclass(frozen=True, slots=True)
class Shared:
    """`n_accounts` of some campaigns are named by others as well. Of `unread` others the files are gone."""

    n_accounts: int
    unread: int = 0


def shared_accounts(home: Path, targets: Sequence[Looked], others: Sequence[Looked]) -> Shared:
    """Count the distinct accounts that `targets` and `others` both name, each by its own run.

    Raises:
        IntegrityError: the accounts of a run of `targets` are gone, or those of any run are damaged.
    """
    own = _distinct(_core(accounts_file(home, run_id), names) for run_id, names in _by_run(targets).items())
    by_run = {
        run_id: names for run_id, names in _by_run(others).items() if accounts_file(home, run_id).exists()
    }
    theirs = _distinct(_core(accounts_file(home, run_id), names) for run_id, names in by_run.items())
    n_accounts = pc.sum(pc.is_in(own, value_set=theirs)).as_py() or 0
    return Shared(n_accounts, len(others) - sum(map(len, by_run.values())))


def accounts_file(home: Path, run_id: str) -> Path:
    """Where the accounts of a run stand: `2026-01-05.1` is attempt 1 at that day."""
    day, _, attempt = run_id.rpartition(".")
    return home / "runs" / day / attempt / "accounts.parquet"


def _by_run(looked: Sequence[Looked]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in sorted(looked, key=lambda one: one.run_id):
        found[one.run_id].append(one.campaign_id)
    return found


def _distinct(tables: Iterable[pa.Table]) -> pa.Array:
    chunks = [chunk for table in tables for chunk in table["account_id"].chunks]
    return pc.unique(pa.chunked_array(chunks, pa.string()))


def _core(path: Path, names: Sequence[str]) -> pa.Table:
    """Rows of named accounts, one per campaign and account; the table is sorted, so only row groups that may hold one
    of the campaigns are read."""
    name = pc.field("campaign_id")
    wanted = name.isin(names) & (name >= min(names)) & (name <= max(names)) & pc.field("is_core")
    try:
        return pq.read_table(
            path,
            columns=["campaign_id", "account_id"],
            filters=wanted,
            partitioning=None,
            page_checksum_verification=True,
        )
    except FileNotFoundError:
        raise IntegrityError("the accounts of a run are gone", where=str(path), hint=_HINT) from None
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise IntegrityError("the accounts of a run are damaged", where=str(path), hint=_HINT) from error


_HINT = "`shoal verify` says what else is; restore the run, or do the day again."
