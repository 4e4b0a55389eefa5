"""A published day, and a store, in which every text that anybody outside could have written is a payload.

Campaign `i` holds the payloads `part(i)` in each of its fields, in another order in each, so that every payload stands
at the start of a field somewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from store_examples import MONDAY

from accounts.signals.reading import Group
from campaigns import files
from campaigns.entries import AllowKind, CampaignRecord, Event, Lineage, PublishedRun, Verdict, WordingRecord
from campaigns.labels import relabel
from campaigns.locks import held
from campaigns.prevalence import write_prevalence
from campaigns.proposals import Intent, Target, act
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
    MATCHERS,
    MEMBERS,
    OPERATORS,
    PROMPTS,
    QUARANTINE,
    SLOT_VALUES,
    TEXTS,
    VARIANTS,
    MatcherState,
    Objective,
    Reason,
    Slot,
    Template,
    Tier,
    text_key,
)
from campaigns.runs import Run, open_run
from campaigns.store import Store
from campaigns.views import save_view
from labeling.template import template_to_json

OPERATOR: Final = "o-hostile"
SEPARATOR: Final = " ¦ "
_FEATURES: Final = 4


@dataclass(frozen=True, slots=True)
class Hostile:
    """The payloads, `size` to a campaign."""

    payloads: Sequence[str]
    size: int = 10

    def __len__(self) -> int:
        return len(self.payloads) // self.size

    def name(self, i: int) -> str:
        return f"c-hostile{i:04}"

    def part(self, i: int, turn: int = 0) -> list[str]:
        mine = self.payloads[i * self.size : (i + 1) * self.size]
        turn %= self.size
        return [*mine[turn:], *mine[:turn]]

    def text(self, i: int, turn: int = 0) -> str:
        return SEPARATOR.join(self.part(i, turn))

    def account(self, i: int, n: int) -> str:
        return f"{self.part(i, n)[0]} account {i} {n}"


def publish_hostile(home: Path, hostile: Hostile) -> Run:
    """Write the run below `home`, publish it, and let people say hostile things about it."""
    run = open_run(home, MONDAY, "hostile")
    _write_run(run, hostile)
    stages = {"rows_in": 4 * len(hostile) + 1, "accepted": 4 * len(hostile), "copies": 0, "quarantined": 1}
    run.stage("results", lambda: {"campaigns": len(hostile), "tier_review": len(hostile)}, [])
    run.stage("ingest", lambda: {**stages, f"quarantined: {Reason.EMPTY}": 1}, [])
    run.finish(
        {
            "canaries": [],
            "health": {"checks": [], "accepted": {"reason": hostile.text(0), "by": hostile.text(1)}},
        }
    )
    with (
        Store.open_url(f"sqlite:///{home / 'shoal.db'}", home) as store,
        held(store, MONDAY, lease_seconds=60) as lock,
    ):
        counts = {
            "ingest.rows_in": stages["rows_in"],
            "ingest.quarantined": 1,
            "results.campaigns": len(hostile),
        }
        publish(
            store,
            lock,
            PublishedRun.of(run, home, counts),
            [_record(hostile, i) for i in range(len(hostile))],
        )
        _let_people_speak(store, run, hostile)
    return run


def _let_people_speak(store: Store, run: Run, hostile: Hostile) -> None:
    clock = iter(
        datetime(2026, 1, 6, tzinfo=UTC) + timedelta(seconds=n) for n in range(10 * len(hostile))
    ).__next__
    with store.writing() as session:
        for i in range(0, len(hostile), 3):
            relabel(
                session,
                hostile.name(i),
                title=hostile.part(i, 3)[0][:200],
                objective=None,
                reason=hostile.text(i, 1),
                author=hostile.part(i, 2)[0],
                clock=clock,
            )
        save_view(session, owner="ada", name=hostile.payloads[0][:60], query={}, shared=True, clock=clock)
        for i in range(min(3, len(hostile))):
            target = Target(campaign_id=hostile.name(i), day=MONDAY, run_id=run.run_id, n_accounts=2)
            intent = Intent(
                verdict=Verdict.CONFIRMED,
                targets=(target,),
                n_accounts=2,
                reason=hostile.text(i, 4),
                author=hostile.part(i, 5)[0],
            )
            act(session, intent, second_person_accounts=1, clock=clock)
    for i in range(1, len(hostile), 3):
        verdict = Verdict.DISMISSED if i % 2 else Verdict.WATCH
        store.decide(
            hostile.name(i), verdict, reason=hostile.text(i, 6), author=hostile.part(i, 7)[0], clock=clock
        )
    for i in range(len(hostile)):
        store.add_allow(
            AllowKind.ORGANIZATION,
            hostile.text(i, 8),
            reason=hostile.text(i, 9),
            author=hostile.part(i)[0],
            clock=clock,
        )
    for i in range(3, len(hostile), 7):
        store.answer(
            hostile.name(i), hostile.name(0), same=False, reason=hostile.text(i), author="ada", clock=clock
        )


def _record(hostile: Hostile, i: int) -> CampaignRecord:
    return CampaignRecord(
        campaign_id=hostile.name(i),
        n_prompts=4,
        n_accounts=2,
        tier=Tier.REVIEW,
        score=1 - i / 1_000,
        title=hostile.text(i),
        objective=Objective.UNCLEAR,
        template=_template(hostile, i).display(),
        wordings=tuple(
            WordingRecord(variant=n, features=np.array([n + 1], np.uint64), weights=np.ones(1, np.float32))
            for n in range(2)
        ),
        lineage=(
            Lineage(event=Event.MINTED, reason=hostile.text(i, 1), figures={}),
            Lineage(
                event=Event.POSSIBLY_CONTINUES,
                reason=hostile.text(i, 2),
                figures={},
                other_id=hostile.name((i + 1) % len(hostile)),
            ),
        ),
        operator_id=OPERATOR,
    )


def _template(hostile: Hostile, i: int) -> Template:
    first, second, third = (hostile.part(i, n)[0] for n in range(3))
    slots = (Slot("text", 2, (second, third)), Slot("name", 2, (third, first)))
    return Template((first, slots[0], hostile.text(i, 3), slots[1]), 0.5, 40.0, 1.0)


def _write_run(run: Run, hostile: Hostile) -> None:
    every = range(len(hostile))
    names = [hostile.name(i) for i in every]
    prompts = [
        {
            "prompt_id": f"p{i:04}{n}{hostile.part(i, n)[0]}",
            "account_id": hostile.account(i, n % 2),
            "created_at": datetime(2026, 1, 5, 12, n, tzinfo=UTC),
            "prompt": hostile.text(i, n),
            "organization_id": hostile.part(i, n)[0],
            "model": hostile.part(i, n)[0],
            "text_key": text_key(hostile.text(i, n)),
        }
        for i in every
        for n in range(4)
    ]
    prompts.sort(key=lambda row: str(row["prompt_id"]))
    of = {row["prompt_id"]: int(str(row["prompt_id"])[1:5]) for row in prompts}
    _write(run, "prompts/part-0000", prompts, PROMPTS)
    _write(run, "texts", [_text(row["text_key"]) for row in prompts], TEXTS)
    _write(
        run,
        "family_members",
        [
            {"text_key": row["text_key"], "family": of[row["prompt_id"]], "strength": 1.0, "is_core": True}
            for row in prompts
        ],
        FAMILY_MEMBERS,
    )
    cores = [{"family": i, "feature": n + 1, "weight": 1.0} for i in every for n in range(_FEATURES)]
    _write(run, "family_cores", cores, FAMILY_CORES)
    directions = np.ones((len(hostile), 8), np.float32) / np.sqrt(8)
    np.save(run.path / "directions.npy", directions.astype(np.float32))
    members = [
        {"prompt_id": row["prompt_id"], "account_id": row["account_id"], "campaign_id": names[of[row["prompt_id"]]],
         "strength": 0.9, "is_core": True}
        for row in prompts
    ]  # fmt: skip
    _write(run, "members", sorted(members, key=lambda row: (row["campaign_id"], row["prompt_id"])), MEMBERS)
    examples = {i: [row["prompt_id"] for row in prompts if of[row["prompt_id"]] == i] for i in every}
    _write(run, "campaigns", [_campaign(hostile, i, examples[i]) for i in every], CAMPAIGNS)
    accounts = [_account(hostile, i, n) for i in every for n in range(2)]
    _write(
        run, "accounts", sorted(accounts, key=lambda row: (row["campaign_id"], row["account_id"])), ACCOUNTS
    )
    _write(run, "evidence", [row for i in every for row in _evidence(hostile, i)], EVIDENCE)
    _write(run, "variants", [_variant(hostile, i, n, examples[i]) for i in every for n in range(2)], VARIANTS)
    operators = [
        {"operator_id": OPERATOR, "campaign_id": names[i], "membership": 1.0, "reasons": hostile.part(i)}
        for i in every
    ]
    _write(run, "operators", operators, OPERATORS)
    bridges = [
        {"campaign_id": names[i], "other_id": names[i + 1], "n_shared": 2, "expected": 0.5,
         "account_ids": [hostile.account(i, 0), hostile.account(i, 1)]}
        for i in range(len(hostile) - 1)
    ]  # fmt: skip
    _write(run, "bridges", bridges, BRIDGES)
    _write(run, "labels", [_label(hostile, i) for i in every], LABELS)
    _write(run, "matchers", [_matcher(hostile, i) for i in every], MATCHERS)
    values = [_slot_value(hostile, i, slot, n) for i in every for slot in range(2) for n in range(3)]
    _write(run, "slot_values", values, SLOT_VALUES)
    _write(run, "identities", [_identity(hostile, i) for i in every], IDENTITIES)
    points = [
        {
            "representative": i,
            "x": float(i % 7),
            "y": float(i // 7),
            "n_prompts": 4,
            "n_accounts": 2,
            "campaign_id": names[i],
        }
        for i in every
    ]
    _write(run, "map", points, MAP)
    quarantine = [
        {"prompt_id": hostile.text(i), "account_id": hostile.text(i, 1), "source": hostile.text(i, 2), "row": i,
         "reason": Reason.EMPTY.value, "detail": hostile.text(i, 3)}
        for i in every
    ]  # fmt: skip
    quarantine.sort(key=lambda row: (str(row["source"]), row["row"]))
    _write(run, "quarantine", quarantine, QUARANTINE)
    _write_prevalence(run, prompts, of, names)


def _write_prevalence(run: Run, prompts: list[dict[str, Any]], of: dict[str, int], names: list[str]) -> None:
    import polars as pl

    texts = {row["text_key"]: names[of[row["prompt_id"]]] for row in prompts}
    table = pl.DataFrame({"text_key": list(texts), "campaign_id": list(texts.values())})
    write_prevalence(run, table, pl.DataFrame(run.table("campaigns")), "unknown")


def _campaign(hostile: Hostile, i: int, examples: list[str]) -> dict[str, Any]:
    return {
        "campaign_id": hostile.name(i),
        "tier": Tier.REVIEW.value,
        "score": 1 - i / 1_000,
        "n_prompts": 4,
        "n_accounts": 2,
        "template": _template(hostile, i).display(),
        "label": hostile.text(i),
        "summary": hostile.text(i, 1),
        "objective": Objective.UNCLEAR.value,
        "objective_confidence": 0.5,
        "keyphrases": hostile.part(i, 2),
        "exemplar_prompt_ids": examples,
        "operator_id": OPERATOR,
        "reasons": [f"Not actionable: {hostile.text(i, 3)}", *hostile.part(i, 4)],
    }


def _account(hostile: Hostile, i: int, n: int) -> dict[str, Any]:
    return {
        "account_id": hostile.account(i, n),
        "campaign_id": hostile.name(i),
        "n_prompts": 2,
        "share": 1.0,
        "strength": 0.9,
        "is_core": True,
        "reasons": hostile.part(i, n),
    }


def _evidence(hostile: Hostile, i: int) -> list[dict[str, Any]]:
    groups = (Group.REGISTRATION, Group.TIMING, Group.CONTENT)
    controls = [number / 100 for number in range(21)]
    rows = [
        {
            "campaign_id": hostile.name(i),
            "signal": f"signal {n}",
            "group": str(group),
            "value": 0.5,
            "control_median": controls[10],
            "control_p95": controls[19],
            "controls": controls,
            "p_value": 0.001 if n < 2 else None,
            "sentence": hostile.text(i, n),
        }
        for n, group in enumerate(groups)
    ]
    untested = {**rows[0], "signal": "signal 3", "value": None, "controls": [], "p_value": None}
    return [*rows, {**untested, "sentence": f"Not tested: {hostile.text(i, 5)}"}]


def _variant(hostile: Hostile, i: int, n: int, examples: list[str]) -> dict[str, Any]:
    return {
        "campaign_id": hostile.name(i),
        "variant": n,
        "n_prompts": 2,
        "n_accounts": 2,
        "template": hostile.text(i, n),
        "label": hostile.text(i, n + 1),
        "exemplar_prompt_id": examples[n],
        "reason": hostile.text(i, n + 2),
    }


def _label(hostile: Hostile, i: int) -> dict[str, Any]:
    template = _template(hostile, i)
    return {
        "family": i,
        "template": template.display(),
        "template_json": template_to_json(template),
        "title": hostile.text(i),
        "summary": hostile.text(i, 1),
        "objective": Objective.UNCLEAR.value,
        "objective_confidence": 0.5,
        "keyphrases": hostile.part(i, 2),
        "exemplars": [],
    }


def _matcher(hostile: Hostile, i: int) -> dict[str, Any]:
    return {
        "family": i,
        "state": MatcherState.USABLE.value,
        "reason": hostile.text(i, 6),
        "anywhere": False,
        "is_template": True,
        "saved_bits": 40.0,
        "accepted": 1.0,
        "words": 12.0,
        "organic_matches": 0,
        "organic_accounts": 0,
        "organic_prompts": 1_000,
        "collision_bound": 0.003,
        "other_families": [],
        "other_matches": [],
    }


def _slot_value(hostile: Hostile, i: int, slot: int, n: int) -> dict[str, Any]:
    return {
        "family": i,
        "slot": slot,
        "kind": "text",
        "n_values": 3,
        "value_key": 3 * slot + n,
        "value": hostile.text(i, slot + n),
        "n_prompts": 3 - n,
        "n_accounts": 1,
    }


def _identity(hostile: Hostile, i: int) -> dict[str, Any]:
    return {
        "family": i,
        "campaign_id": hostile.name(i),
        "lead": i,
        "variant": 0,
        "event": "minted",
        "reason": hostile.text(i, 7),
        "other_id": None,
        "overlap": 0.0,
        "shared": 0,
        "expected": 0.0,
        "cosine": None,
    }


def _text(key: bytes) -> dict[str, Any]:
    return {
        "text_key": key,
        "n_prompts": 1,
        "n_accounts": 1,
        "n_tokens": 4,
        "evasion_marks": 3,
        "language": 0,
        "pairs": [],
        "wide_pairs": [],
        "edges": [],
        "windows": [],
        "skeleton": "",
    }


def _write(run: Run, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    files.write_parquet(run.path / f"{name}.parquet", pa.Table.from_pylist(rows, schema))
