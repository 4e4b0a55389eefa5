"""What one run did: what came in, what was set aside, how long it took, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow.compute as pc

from campaigns.settings import changed
from review.run_tables import RunTables

SAMPLE: Final = 10
"""Rows of quarantine that are shown of each reason."""
_REASON: Final = "quarantined: "
"""Begins the counts of quarantined rows by reason; see `campaigns.records.IngestCounts`."""
_SAMPLED: Final = ("source", "row", "reason", "detail", "prompt_id", "account_id")


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of the rows of the day. `copies` are rows whose text another row had already.

    Attributes:
        other_days: rows of other days that were passed over, apart from `rows`.
        other_accounts: in a second pass, rows of accounts it does not look at, apart from `rows`.
    """

    rows: int
    accepted: int
    copies: int
    quarantined: int
    other_days: int = 0
    other_accounts: int = 0

    @property
    def lost(self) -> int:
        """Rows that are nowhere; 0 in every sound run."""
        return self.rows - self.accepted - self.copies - self.quarantined


@dataclass(frozen=True, slots=True)
class SetAside:
    """The rows set aside for one reason; `sample` are the first of them: source, row, detail and ids, no prompt."""

    reason: str
    count: int
    sample: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    seconds: float
    counts: dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A check of the health gate. `value` is None where there was nothing to judge by."""

    name: str
    failed: bool
    value: float | None
    limit: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Canary:
    """A planted campaign: `found` of its prompts are in one family of its own, `mixed` share one with real prompts."""

    canary: str
    n_prompts: int
    found: int
    recall: float
    mixed: int


@dataclass(frozen=True, slots=True)
class RunReport:
    """
    Attributes:
        balance: None where the run did not count.
        set_aside: the most frequent reason first.
        floor: what sizes of campaigns it could see, in words; empty where it does not say.
        accepted: who published it over failed checks, why and when; empty: nobody had to.
        changed: key, value and default of each setting that is not the default; the default is None where this
            version has no such setting.
        second_pass: its figures, where it counted a day again; empty for a first pass.
        flow_run_id: Prefect's; empty where it was not noted.
    """

    balance: Balance | None
    set_aside: tuple[SetAside, ...]
    stages: tuple[Stage, ...]
    canaries: tuple[Canary, ...]
    floor: str
    checks: tuple[HealthCheck, ...]
    accepted: dict[str, str]
    changed: tuple[tuple[str, Any, Any], ...]
    versions: dict[str, str]
    second_pass: dict[str, Any] = field(default_factory=dict)
    flow_run_id: str = ""

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)


def read_run(tables: RunTables) -> RunReport:
    """
    Raises:
        UsageError, IntegrityError: the manifest or the table of quarantined rows is missing or damaged.
    """
    manifest = tables.run.manifest()
    stages = tuple(Stage(one["name"], one["seconds"], one["counts"]) for one in manifest["stages"])
    counts = next((stage.counts for stage in stages if stage.name == "ingest"), {})
    health = manifest.get("health") or {}
    return RunReport(
        balance=_balance(counts),
        set_aside=tuple(_set_aside(tables, counts)),
        stages=stages,
        canaries=tuple(Canary(**row) for row in manifest.get("canaries") or ()),
        floor=(manifest.get("detection_floor") or {}).get("sentence", ""),
        checks=tuple(HealthCheck(**check) for check in health.get("checks") or ()),
        accepted=health.get("accepted") or {},
        changed=tuple(changed(manifest.get("settings") or {})),
        versions=manifest.get("versions") or {},
        second_pass=manifest.get("second_pass") or {},
        flow_run_id=manifest.get("flow_run_id") or "",
    )


def _balance(counts: Mapping[str, Any]) -> Balance | None:
    if "rows_in" not in counts:
        return None
    sums = (int(counts.get(name, 0)) for name in ("accepted", "copies", "quarantined"))
    apart = (int(counts.get(name, 0)) for name in ("other_days", "other_accounts"))
    return Balance(int(counts["rows_in"]), *sums, *apart)


def _set_aside(tables: RunTables, counts: Mapping[str, Any]) -> Iterator[SetAside]:
    found = {
        name.removeprefix(_REASON): int(count) for name, count in counts.items() if name.startswith(_REASON)
    }
    if not found:
        return
    rows = tables.table("quarantine", _SAMPLED)
    for reason, count in sorted(found.items(), key=lambda one: (-one[1], one[0])):
        sample = rows.filter(pc.equal(rows["reason"], reason)).slice(0, SAMPLE)
        yield SetAside(reason, count, tuple(sample.to_pylist()))
