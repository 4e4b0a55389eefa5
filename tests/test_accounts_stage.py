"""The linking stages on runs made by hand: campaigns of several wordings, what is written, what earlier days add."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from accounts.ranking import SIZES, train
from accounts.stage import OUTPUTS, join_families, link_campaigns
from campaigns import files
from campaigns.records import (
    ACCOUNTS,
    BRIDGES,
    EVIDENCE,
    FAMILY_MEMBERS,
    IDENTITIES,
    LABELS,
    MATCHERS,
    OPERATORS,
    PROMPTS,
    SLOT_WORDS,
    TEXTS,
    TIERS,
    Tier,
    text_key,
)
from campaigns.runs import Run
from campaigns.settings import load

DAY = date(2026, 1, 5)
SETTINGS = load({}, environment={}).settings
WORDINGS = ("sort {} by worth and say why", "which of {} is worth most and why so")
Row = tuple[str, str, int]
"""Account, prompt, family (-1 for none)."""


def a_run(
    folder: Path, day: date, rows: list[Row], *, parts: int = 2, leak: frozenset[str] = frozenset()
) -> Run:
    """A run up to `label`; the accounts of `leak` share a payment card and were made within hours."""
    run = Run(folder / day.isoformat(), day, 1, "f")
    accounts = sorted({account for account, _, _ in rows})
    seconds = np.random.default_rng(day.toordinal()).uniform(0, 86_000, len(rows)).tolist()
    made = {
        account: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=7 * i)
        for i, account in enumerate(accounts)
    }
    made |= {
        account: datetime(2025, 12, 20, tzinfo=UTC) + timedelta(minutes=9 * i)
        for i, account in enumerate(sorted(leak))
    }
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for part in range(parts):
        mine = [(i, row) for i, row in enumerate(rows) if accounts.index(row[0]) % parts == part]
        table: dict[str, list[object]] = {name: [None] * len(mine) for name in PROMPTS.names}
        table["prompt_id"] = [f"{day}-{i:05}" for i, _ in mine]
        table["account_id"] = [account for _, (account, _, _) in mine]
        table["prompt"] = [prompt for _, (_, prompt, _) in mine]
        table["text_key"] = [text_key(prompt) for _, (_, prompt, _) in mine]
        table["created_at"] = [midnight + timedelta(seconds=seconds[i]) for i, _ in mine]
        table["account_created_at"] = [made[account] for _, (account, _, _) in mine]
        table["organization_id"] = [
            f"org-{account}" if accounts.index(account) % 4 == 0 else None for _, (account, _, _) in mine
        ]
        table["payment_fingerprint"] = [
            "pool-card" if account in leak else f"card-{account}" for _, (account, _, _) in mine
        ]
        table["asn"] = [64_512 + accounts.index(account) % 40 for _, (account, _, _) in mine]
        files.write_parquet(run.path / "prompts" / f"part-{part:04}.parquet", pa.table(table, schema=PROMPTS))
    family_of = {text_key(prompt): family for _, prompt, family in rows}
    keys = sorted(family_of)
    texts: dict[str, list[object]] = {name: [0] * len(keys) for name in TEXTS.names}
    texts |= {name: [[]] * len(keys) for name in ("pairs", "wide_pairs", "edges", "windows")}
    texts |= {"text_key": keys, "skeleton": [""] * len(keys), "n_tokens": [8] * len(keys)}
    files.write_parquet(run.path / "texts.parquet", pa.table(texts, schema=TEXTS))
    inside = [key for key in keys if family_of[key] >= 0]
    members = {
        "text_key": inside,
        "family": [family_of[key] for key in inside],
        "strength": [1.0] * len(inside),
        "is_core": [True] * len(inside),
    }
    files.write_parquet(run.path / "family_members.parquet", pa.table(members, schema=FAMILY_MEMBERS))
    families = sorted({family for family in family_of.values() if family >= 0})
    labels = [
        dict.fromkeys(("template", "template_json", "title", "summary", "objective"), "")
        | {
            "family": family,
            "objective_confidence": 1.0,
            "keyphrases": [],
            "exemplars": [],
            "template": f"template {family}",
        }
        for family in families
    ]
    files.write_parquet(run.path / "labels.parquet", pa.Table.from_pylist(labels, LABELS))
    matchers = [
        {field.name: 0 for field in MATCHERS}
        | {
            "family": family,
            "state": "usable",
            "reason": "",
            "anywhere": False,
            "is_template": True,
            "other_families": [],
            "other_matches": [],
        }
        for family in families
    ]
    files.write_parquet(run.path / "matchers.parquet", pa.Table.from_pylist(matchers, MATCHERS))
    files.write_array(run.path / "directions.npy", np.zeros((len(labels), 2), np.float16))
    return run


def identified(run: Run) -> Run:
    """Ids by lead family: `c-0`, `c-1`, ..."""
    rows = [
        {
            "family": row["family"],
            "campaign_id": f"c-{row['lead']}",
            "lead": row["lead"],
            "variant": int(row["family"] != row["lead"]),
            "event": "minted",
            "reason": "new",
            "overlap": 0.0,
            "shared": 0,
            "expected": 0.0,
        }
        for row in run.table("wordings").to_pylist()
    ]
    files.write_parquet(run.path / "identities.parquet", pa.Table.from_pylist(rows, IDENTITIES))
    return run


def linked(run: Run, trailing: list[Path] | None = None) -> Run:
    join_families(run, SETTINGS)
    link_campaigns(identified(run), SETTINGS, [], trailing=trailing or [])
    return run


def words(rng: np.random.Generator, n: int = 6) -> str:
    return " ".join(f"word{k}" for k in rng.integers(0, 5_000, n))


def ordinary(rng: np.random.Generator, n: int = 400) -> list[Row]:
    return [
        (f"person-{i:04}", f"about {words(rng)}", -1)
        for i in range(n)
        for _ in range(int(rng.integers(1, 4)))
    ]


def pool(
    rng: np.random.Generator, per_account: int = 2, n: int = 30, own_topics: bool = False, wordings: int = 2
) -> list[Row]:
    """A pool that rotates over its wordings; with own topics each account writes about six words of its own."""
    rows = []
    for i in range(n):
        own = [f"word{k}" for k in rng.integers(0, 5_000, 6)]
        for _ in range(per_account):
            wording = int(rng.integers(0, wordings))
            said = " ".join(rng.permutation(own)[:5]) if own_topics else words(rng)
            rows.append((f"pool-{i:02}", WORDINGS[wording].format(said), wording))
    return rows


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Run:
    rng = np.random.default_rng(4)
    rows = [*ordinary(rng), *pool(rng, 4)]
    return linked(
        a_run(tmp_path_factory.mktemp("stage"), DAY, rows, leak=frozenset(f"pool-{i:02}" for i in range(30)))
    )


def test_wordings_of_one_pool_are_one_campaign_with_the_figures_that_joined_them(day: Run) -> None:
    wordings = day.table("wordings").to_pylist()
    assert len({row["lead"] for row in wordings}) == 1
    (joined,) = [row for row in wordings if row["shared"] is not None]
    assert joined["shared"] > 20
    assert joined["expected"] < 5
    assert joined["log_p"] < -7


def test_every_table_has_its_schema_and_order(day: Run) -> None:
    schemas = {
        "accounts": ACCOUNTS,
        "evidence": EVIDENCE,
        "tiers": TIERS,
        "operators": OPERATORS,
        "bridges": BRIDGES,
        "slot_words": SLOT_WORDS,
    }
    assert {f"{name}.parquet" for name in schemas} < set(OUTPUTS)
    for name, schema in schemas.items():
        assert day.table(name).schema.equals(schema)
    accounts = pl.DataFrame(day.table("accounts"))
    assert accounts.equals(accounts.sort("campaign_id", "account_id"))


def test_a_pool_with_one_card_made_in_hours_and_dealt_slots_is_actionable_and_its_accounts_are_named(
    day: Run,
) -> None:
    (tier,) = day.table("tiers").to_pylist()
    assert tier["tier"] == Tier.REVIEW  # one card pays for all: they may be one customer's
    assert any("one payment card pays" in reason for reason in tier["reasons"])
    accounts = pl.DataFrame(day.table("accounts"))
    assert accounts["account_id"].to_list() == [f"pool-{i:02}" for i in range(30)]
    assert (accounts["strength"] > 0.9).all()
    assert any("shares a payment card" in reason for reason in accounts["reasons"][0])
    evidence = {row["signal"]: row for row in day.table("evidence").to_pylist()}
    assert evidence["made together"]["p_value"] <= 1e-3
    assert len(evidence["made together"]["controls"]) == 21
    assert evidence["made together"]["sentence"].startswith("30 of 30 accounts were made within 24 hours")
    assert evidence["active days"]["value"] is None
    assert "no day before is known" in evidence["active days"]["sentence"]


def test_row_order_and_parts_do_not_matter(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = [*ordinary(rng), *pool(rng, 3)]
    leak = frozenset(f"pool-{i:02}" for i in range(20))
    found = []
    for name, parts in (("one", 1), ("three", 3)):
        run = linked(a_run(tmp_path / name, DAY, rows, parts=parts, leak=leak))
        found.append(
            [pl.DataFrame(run.table(table)) for table in ("accounts", "evidence", "tiers", "slot_words")]
        )
    for first, second in zip(*found, strict=True):
        assert first.equals(second)


def test_slots_of_earlier_days_tell_whose_topics_they_are(tmp_path: Path) -> None:
    """One prompt per account says nothing; three days say that a pool deals and that people keep to their own."""
    for own_topics, low, high in ((False, 0.35, 0.62), (True, 0.8, 1.0)):
        folders: list[Path] = []
        for n in range(3):
            rng = np.random.default_rng(7 if own_topics else n)  # the same own words each day
            rows = [
                *pool(rng, 1, own_topics=own_topics, wordings=1),
                *ordinary(np.random.default_rng(50 + n), 200),
            ]
            rows = [
                (account, prompt if family < 0 else f"{prompt} day{n}", family)
                for account, prompt, family in rows
            ]
            run = linked(a_run(tmp_path / str(own_topics), DAY + timedelta(days=n), rows), folders)
            folders.append(run.path)
            (topics,) = [row for row in run.table("evidence").to_pylist() if row["signal"] == "slot topics"]
            assert (topics["value"] is None) == (n == 0)
        assert "3 days" in topics["sentence"]
        superiority = float(topics["sentence"].split("probability ")[1].split()[0])
        assert low <= superiority <= high


def test_earlier_decisions_reorder_the_review_queue_and_nothing_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    run = linked(
        a_run(
            tmp_path, DAY, [*ordinary(rng), *pool(rng, 3)], leak=frozenset(f"pool-{i:02}" for i in range(30))
        )
    )
    before = pl.DataFrame(run.table("tiers"))
    names = ["made together", "other traffic", *SIZES]
    features = rng.uniform(0, 6, (80, len(names)))
    ranker = train(
        features, features[:, 0] + rng.normal(size=80) > 3, [f"c-{i}" for i in range(80)], names, 1
    )
    assert ranker is not None
    link_campaigns(run, SETTINGS, [], ranker=ranker)
    after = pl.DataFrame(run.table("tiers"))
    assert before["tier"].to_list() == [Tier.REVIEW]
    assert after.drop("score").equals(before.drop("score"))
    assert after["score"].to_list() != before["score"].to_list()


def test_a_day_without_families_writes_empty_tables(tmp_path: Path) -> None:
    run = linked(a_run(tmp_path, DAY, ordinary(np.random.default_rng(1), 20)))
    assert [
        run.table(name).num_rows for name in ("wordings", "accounts", "evidence", "tiers", "operators")
    ] == [0] * 5
