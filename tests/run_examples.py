"""A complete, published run made by hand: what a command reads, without a flow.

Two campaigns and a few open texts; ids, accounts, titles and prompts hold what a hostile sender might put there.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from store_examples import MONDAY

from campaigns import files
from campaigns.entries import CampaignRecord, Event, Lineage, PublishedRun, WordingRecord
from campaigns.locks import held
from campaigns.prevalence import write_prevalence
from campaigns.publish import publish
from campaigns.records import (
    ACCOUNTS,
    BRIDGES,
    CAMPAIGNS,
    EVIDENCE,
    FAMILY_CORES,
    FAMILY_MEMBERS,
    IDENTITIES,
    LABELS,
    MAP,
    MEMBERS,
    OPERATORS,
    PROMPTS,
    QUARANTINE,
    TEXTS,
    VARIANTS,
    Objective,
    Reason,
    Tier,
    text_key,
)
from campaigns.runs import Counts, Run, open_run
from campaigns.store import Store

HOSTILE: Final = "\x1b]8;;x\x07\x1b[31mred\x9b2J \u202egnp\u2066 \u200b[bold]</script><!-- $x$ & {text} 漢字"
"""Terminal escapes, a C1 control, bidi overrides, a zero-width space, markup of Rich, HTML and matplotlib."""

GRADES, LEDGER = "c-aaaa1111", "c-bbbb2222"


def publish_example(
    home: Path, day: date = MONDAY, *, force: bool = False, counts: Counts | None = None
) -> Run:
    """Write every result file of a run of `day` below `home`, finish it and publish it in the store there.

    Args:
        counts: more of them for the ledger.
    """
    run = open_run(home, day, "f1", force=force)
    write_tables(run)
    run.stage(
        "results",
        lambda: {"campaigns": 2, "tier_review": 1, "tier_benign": 1, "members": 5, "accounts": 4},
        [],
    )
    run.stage("labelled", dict, ["labels.parquet", "identities.parquet", "prompts/part-*.parquet"])
    run.stage(
        "ingest",
        lambda: {
            "rows_in": 9,
            "accepted": 7,
            "copies": 1,
            "quarantined": 1,
            f"quarantined: {Reason.EMPTY}": 1,
        },
        [],
    )
    run.finish({})
    with (
        Store.open_url(f"sqlite:///{home / 'shoal.db'}") as store,
        held(store, day, lease_seconds=60) as lock,
    ):
        publish(
            store, lock, PublishedRun.of(run, home, {"ingest.rows_in": 9, **(counts or {})}), _records(run)
        )
    return run


def write_tables(run: Run) -> None:
    prompts = [
        _prompt("p1", f"acct-1{HOSTILE}", f"Grade this essay: {HOSTILE}"),
        _prompt("p2", "acct-2", "Grade this essay: the tide\nsecond line"),
        _prompt("p3", "acct-2", "Grade this essay: a lamp"),
        _prompt("p4", "acct-3", "Balance the ledger of May"),
        _prompt("p5", "acct-4", "Balance the ledger of June"),
    ]
    _write(run, "prompts/part-0000", prompts[:3], PROMPTS)
    _write(run, "prompts/part-0001", prompts[3:], PROMPTS)
    _write(run, "texts", [_text(row) for row in prompts], TEXTS)
    _write(
        run,
        "family_members",
        [
            {"text_key": row["text_key"], "family": int(number > 2), "strength": 1.0, "is_core": True}
            for number, row in enumerate(prompts)
        ],
        FAMILY_MEMBERS,
    )
    members = [(GRADES, prompts[:3]), (LEDGER, prompts[3:])]
    _write(
        run,
        "members",
        [
            {
                "campaign_id": name,
                "strength": 0.9,
                "is_core": True,
                **{k: p[k] for k in ("prompt_id", "account_id")},
            }
            for name, rows in members
            for p in rows
        ],
        MEMBERS,
    )
    _write(
        run,
        "campaigns",
        [
            _campaign(
                GRADES,
                Tier.REVIEW,
                0.75,
                3,
                2,
                f"Grading: {HOSTILE}",
                f"Grade this essay: {HOSTILE}",
                ["p1", "p2"],
            ),
            _campaign(
                LEDGER,
                Tier.BENIGN,
                0.0,
                2,
                2,
                "Balance the ledger",
                "Balance the ledger of {text}",
                ["p4"],
            ),
        ],
        CAMPAIGNS,
    )
    _write(
        run,
        "accounts",
        [
            _account("acct-1" + HOSTILE, GRADES, 1, 0.5, 0.4, core=False),
            _account("acct-2", GRADES, 2, 1.0, 0.9, core=True),
            _account("acct-3", LEDGER, 1, 1.0, 0.7, core=True),
            _account("acct-4", LEDGER, 1, 0.2, 0.2, core=False),
        ],
        ACCOUNTS,
    )
    _write(
        run,
        "evidence",
        [
            _evidence(GRADES, "made together", "registration", 0.8, p_value=0.0002),
            _evidence(GRADES, "shared clock", "timing", 0.1, p_value=0.4),
            _evidence(GRADES, "slot uniqueness", "content", 1.0),
            _evidence(GRADES, "synchrony", "timing", None),
            _evidence(LEDGER, "evenness", "evenness", 0.1, p_value=0.3),
        ],
        EVIDENCE,
    )
    _write(
        run,
        "variants",
        [_variant(GRADES, 0, 2), _variant(GRADES, 1, 1), _variant(LEDGER, 0, 2)],
        VARIANTS,
    )
    _write(
        run,
        "operators",
        [
            {"operator_id": "o-aaaa1111", "campaign_id": name, "membership": weight, "reasons": [HOSTILE]}
            for name, weight in ((GRADES, 0.75), (LEDGER, 0.25))
        ],
        OPERATORS,
    )
    bridge = {
        "campaign_id": GRADES,
        "other_id": LEDGER,
        "n_shared": 1,
        "expected": 0.5,
        "account_ids": [HOSTILE],
    }
    _write(run, "bridges", [bridge], BRIDGES)
    _write(run, "labels", [_label(0, "Grade this essay: "), _label(1, "Balance the ledger of ")], LABELS)
    _write(
        run,
        "identities",
        [
            _identity(0, GRADES, 0.0),
            _identity(1, LEDGER, 0.125),
        ],
        IDENTITIES,
    )
    cores = [{"family": family, "feature": feature, "weight": 1.0} for family in (0, 1) for feature in (1, 2)]
    _write(run, "family_cores", cores, FAMILY_CORES)
    names = [GRADES, GRADES, LEDGER, None, None, None]
    _write(
        run,
        "map",
        [
            {
                "representative": i,
                "x": float(i),
                "y": i / 2,
                "n_prompts": 6 - i,
                "n_accounts": 2,
                "campaign_id": name,
            }
            for i, name in enumerate(names)
        ],
        MAP,
    )
    quarantined = {"source": "a.csv", "row": 3, "reason": Reason.EMPTY.value, "detail": ""}
    _write(run, "quarantine", [quarantined], QUARANTINE)
    texts = pl.DataFrame(
        {
            "text_key": [row["text_key"] for row in prompts],
            "campaign_id": [name for name, rows in members for _ in rows],
        }
    )
    write_prevalence(run, texts, pl.DataFrame(run.table("campaigns")), "unknown")


def _text(row: dict[str, Any]) -> dict[str, Any]:
    """Of what the scaffold stage writes, only keys and marks are read by commands."""
    return {
        "text_key": row["text_key"],
        "n_prompts": 1,
        "n_accounts": 1,
        "n_tokens": 4,
        "evasion_marks": 7 if HOSTILE in row["prompt"] else 0,
        "partition": 0,
        "pairs": [],
        "language": 0,
        "wide_pairs": [],
        "windows": [],
        "edges": [],
        "skeleton": "",
    }


def _write(run: Run, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    files.write_parquet(run.path / f"{name}.parquet", pa.Table.from_pylist(rows, schema))


def _prompt(prompt_id: str, account_id: str, prompt: str) -> dict[str, Any]:
    return {
        "prompt_id": prompt_id,
        "account_id": account_id,
        "created_at": datetime(2026, 1, 5, 12, tzinfo=UTC),
        "prompt": prompt,
        "text_key": text_key(prompt),
    }


def _campaign(
    name: str,
    tier: Tier,
    score: float,
    n_prompts: int,
    n_accounts: int,
    label: str,
    template: str,
    examples: list[str],
) -> dict[str, Any]:
    return {
        "campaign_id": name,
        "tier": tier.value,
        "score": score,
        "n_prompts": n_prompts,
        "n_accounts": n_accounts,
        "template": template,
        "label": label,
        "summary": f"A summary. {HOSTILE}",
        "objective": Objective.GRADING.value,
        "objective_confidence": 0.8,
        "keyphrases": ["essay", HOSTILE],
        "exemplar_prompt_ids": examples,
        "operator_id": None,
        "reasons": [f"Because of {HOSTILE}.", f"Not actionable: {HOSTILE}."],
    }


def _account(
    name: str, campaign: str, n_prompts: int, share: float, strength: float, *, core: bool
) -> dict[str, Any]:
    return {
        "account_id": name,
        "campaign_id": campaign,
        "n_prompts": n_prompts,
        "share": share,
        "strength": strength,
        "is_core": core,
        "reasons": [f"reason {HOSTILE}"],
    }


def _evidence(
    campaign: str, signal: str, group: str, value: float | None, *, p_value: float | None = None
) -> dict[str, Any]:
    """Where there is a p-value the controls lie evenly from 0 to 0.2."""
    controls = [] if p_value is None else [number / 100 for number in range(21)]
    return {
        "campaign_id": campaign,
        "signal": signal,
        "group": group,
        "value": value,
        "control_median": controls[10] if controls else None,
        "control_p95": controls[19] if controls else None,
        "controls": controls,
        "p_value": p_value,
        "sentence": f"{signal}: {HOSTILE}" if value is not None else f"Not tested: {HOSTILE}.",
    }


def _variant(campaign: str, variant: int, n_prompts: int) -> dict[str, Any]:
    return {
        "campaign_id": campaign,
        "variant": variant,
        "n_prompts": n_prompts,
        "n_accounts": n_prompts,
        "template": f"wording {variant} {HOSTILE}",
        "label": HOSTILE,
        "exemplar_prompt_id": "p1",
        "reason": f"joined {HOSTILE}",
    }


def _label(family: int, constant: str) -> dict[str, Any]:
    slot = {"kind": "text", "n_values": 3, "values": ["a lamp", HOSTILE]}
    parts = [constant, slot]
    return {
        "family": family,
        "template": constant + "{text}",
        "template_json": json.dumps(
            {"parts": parts, "constant_share": 0.5, "saved_bits": 40.0, "accepted": 1.0}
        ),
        "title": constant,
        "summary": "",
        "objective": Objective.GRADING.value,
        "objective_confidence": 0.8,
        "keyphrases": [],
        "exemplars": [],
    }


def _identity(family: int, campaign_id: str, overlap: float) -> dict[str, object]:
    return {
        "family": family,
        "campaign_id": campaign_id,
        "lead": family,
        "variant": 0,
        "event": "minted",
        "reason": f"new {HOSTILE}",
        "overlap": overlap,
        "shared": 0,
        "expected": 0.0,
    }


def _records(run: Run) -> list[CampaignRecord]:
    return [
        CampaignRecord(
            campaign_id=row["campaign_id"],
            n_prompts=row["n_prompts"],
            n_accounts=row["n_accounts"],
            tier=Tier(row["tier"]),
            score=row["score"],
            title=row["label"],
            objective=Objective(row["objective"]),
            template=row["template"],
            wordings=(
                WordingRecord(
                    variant=0, features=np.array([1, 2], np.uint64), weights=np.array([1.0, 0.5], np.float32)
                ),
            ),
            lineage=(Lineage(event=Event.MINTED, reason=f"new {HOSTILE}", figures={"overlap": 0.0}),),
        )
        for row in run.table("campaigns").to_pylist()
    ]
