"""What a finished run says about itself, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.commands.console import STAGES, TIER_STYLES, safe, table

if TYPE_CHECKING:
    from rich.table import Table

    from flows.discover import DayResult

_QUARANTINED = "quarantined: "


def summary(result: DayResult) -> dict[str, Any]:
    """Counts, seconds and digest of a run, ready for JSON."""
    manifest = result.manifest
    return {
        "day": result.day.isoformat(),
        "run_id": result.run_id,
        "already_published": result.already_published,
        "path": str(result.path),
        "digest": manifest["digest"],
        "counts": {stage["name"]: stage["counts"] for stage in manifest["stages"]},
        "seconds": {stage["name"]: stage["seconds"] for stage in manifest["stages"]},
        "files": manifest["files"],
    }


def counts_table(result: DayResult) -> Table:
    """The way from rows to campaigns, in figures."""
    counts = {stage["name"]: stage["counts"] for stage in result.manifest["stages"]}
    made = table("", "count", right=("count",), title=f"{result.day}  run {result.run_id}")
    for name, value in _figures(counts):
        made.add_row(safe(name), safe(f"{value:,}" if isinstance(value, int) else value))
    return made


def stages_table(result: DayResult) -> Table:
    made = table("stage", "seconds", right=("seconds",))
    for stage in result.manifest["stages"]:
        made.add_row(safe(STAGES.get(stage["name"], stage["name"])), safe(f"{stage['seconds']:.1f}"))
    total = sum(stage["seconds"] for stage in result.manifest["stages"])
    made.add_row(safe("all", "bold"), safe(f"{total:.1f}", "bold"))
    return made


def _figures(counts: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """(name, value) in the order of the data's way; what a stage did not count is left out."""
    ingest, results = counts.get("ingest", {}), counts.get("results", {})
    figures = [
        ("prompts in", ingest.get("rows_in")),
        ("  distinct texts", ingest.get("accepted")),
        ("  copies of them", ingest.get("copies")),
        ("  quarantined", ingest.get("quarantined")),
        *(
            (f"    {key.removeprefix(_QUARANTINED)}", n)
            for key, n in ingest.items()
            if key.startswith(_QUARANTINED)
        ),
        ("of other days, passed over", ingest.get("other_days") or None),
        ("of other accounts, passed over", ingest.get("other_accounts") or None),
        ("lexical groups", counts.get("group", {}).get("groups")),
        ("vectors", counts.get("index", {}).get("vectors")),
        ("campaigns", results.get("campaigns")),
        *((f"  {tier}", results.get(f"tier_{tier}")) for tier in TIER_STYLES),
        ("prompts in campaigns", results.get("members")),
        ("accounts in campaigns", results.get("accounts")),
    ]
    return [(name, value) for name, value in figures if value is not None]
