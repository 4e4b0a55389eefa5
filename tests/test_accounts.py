"""Links and provisional tiers on a run made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from examples import run_with_prompts

from accounts.link import Links, link
from accounts.tiers import NOT_TESTED, Verdicts, judge
from campaigns import files
from campaigns.records import FAMILY_ACCOUNTS, FAMILY_EVIDENCE, FAMILY_MEMBERS, FAMILY_TIERS, text_key
from campaigns.runs import Run
from campaigns.settings import TierSettings

Sent = list[tuple[str, str, str | None, str]]


@dataclass(frozen=True)
class Rule:
    kind: str
    value: str
    reason: str = "agreed with the customer"


def linked(home: Path, sent: Sent, families: dict[str, tuple[int, float]]) -> Links:
    """`families`: text to (family, strength)."""
    run: Run = run_with_prompts(home, sent)
    members = sorted((text_key(text), family, strength) for text, (family, strength) in families.items())
    table = {
        "text_key": [row[0] for row in members],
        "family": [row[1] for row in members],
        "strength": [row[2] for row in members],
        "is_core": [row[2] >= 0.75 for row in members],
    }
    files.write_parquet(run.path / "family_members.parquet", pa.table(table, schema=FAMILY_MEMBERS))
    return link(run)


def pool(n_accounts: int, per_account: int, organization: str | None = None) -> Sent:
    return [
        (f"p{a}-{i}", f"a{a}", organization, f"template with slot {a} {i}")
        for a in range(n_accounts)
        for i in range(per_account)
    ]


def verdict(home: Path, sent: Sent, **kwargs: object) -> Verdicts:
    links = linked(home, sent, {text: (0, 1.0) for _, _, _, text in sent})
    return judge(links, [{"campaign": "c-1", "template_hash": "h"}], TierSettings(), **kwargs)  # type: ignore[arg-type]


def only(table: pl.DataFrame, column: str) -> object:
    return table[column].to_list()[0]


def test_share_strength_and_core_of_each_account(tmp_path: Path) -> None:
    sent = [
        ("p1", "pool", None, "template one"),
        ("p2", "pool", None, "template two"),
        ("p3", "pool", None, "template two"),
        ("p4", "passer", None, "template one"),
        *((f"o{i}", "passer", None, f"own topic {i}") for i in range(19)),
    ]
    links = linked(tmp_path, sent, {"template one": (0, 0.8), "template two": (0, 1.0)})
    rows = {row["account_id"]: row for row in links.accounts.iter_rows(named=True)}
    assert rows["pool"]["n_prompts"] == 3
    assert rows["pool"]["share"] == 1.0
    assert rows["pool"]["strength"] == pytest.approx((0.8 + 1 + 1) / 3 * 3 / 4.5, abs=1e-6)
    assert rows["pool"]["is_core"]
    assert rows["passer"]["share"] == 1 / 20
    assert rows["passer"]["strength"] == pytest.approx(0.8 * 1 / 2.5 * (1 + 1 / 20) / 2, abs=1e-6)
    assert not rows["passer"]["is_core"]
    assert rows["passer"]["reasons"][0] == "1 of the account's 20 prompts of the day carry the template"
    assert links.accounts.to_arrow().cast(FAMILY_ACCOUNTS).num_rows == 2


def test_a_pool_is_for_review_and_never_actionable(tmp_path: Path) -> None:
    found = verdict(tmp_path, pool(12, 6))
    assert only(found.tiers, "tier") == "review"
    assert only(found.tiers, "score") == 1.0
    assert only(found.tiers, "reasons") == ["12 accounts sent 72 prompts from one template.", NOT_TESTED]
    assert found.tiers.to_arrow().cast(FAMILY_TIERS).num_rows == 1


def test_one_tenant_is_benign_and_an_unknown_tenant_is_not(tmp_path: Path) -> None:
    found = verdict(tmp_path / "tenant", pool(5, 4, "org-1"))
    assert only(found.tiers, "tier") == "benign"
    assert only(found.tiers, "score") == 0.0
    assert "one organization" in str(only(found.tiers, "reasons"))
    assert only(verdict(tmp_path / "unknown", pool(5, 4)).tiers, "tier") == "review"


def test_a_copied_prompt_is_benign(tmp_path: Path) -> None:
    sent: Sent = [(f"p{i}", f"a{i}", f"org{i}", "tell me a story about a dragon") for i in range(9)]
    assert (
        only(verdict(tmp_path, [*sent, ("x", "b", None, "tell me a story about a wyvern")]).tiers, "tier")
        == "benign"
    )


@pytest.mark.parametrize(
    ("rule", "tier"),
    [
        (Rule("campaign", "c-1"), "benign"),
        (Rule("campaign", "c-2"), "review"),
        (Rule("template_hash", "h"), "benign"),
        (Rule("organization", "org-9"), "review"),
    ],
)
def test_allow_list_entries_explain_what_they_name(tmp_path: Path, rule: Rule, tier: str) -> None:
    found = verdict(tmp_path, pool(12, 6), allowed=[rule])
    assert only(found.tiers, "tier") == tier
    assert ("Allow-listed: agreed with the customer." in str(only(found.tiers, "reasons"))) == (
        tier == "benign"
    )


def test_an_allowed_organization_explains_a_family_that_is_mostly_its_own(tmp_path: Path) -> None:
    sent = pool(6, 4, "org-1") + [(f"x{i}", f"b{i}", "org-2", f"template with slot b {i}") for i in range(16)]
    rule = Rule("organization", "org-1")
    assert only(verdict(tmp_path / "60 %", sent).tiers, "tier") == "review"
    assert only(verdict(tmp_path / "allowed", sent, allowed=[rule]).tiers, "tier") == "benign"
    other = Rule("organization", "org-2")
    assert only(verdict(tmp_path / "minority", sent, allowed=[other]).tiers, "tier") == "review"


def test_evidence_gives_every_figure_in_words(tmp_path: Path) -> None:
    found = verdict(tmp_path, pool(4, 3, "org-1")).evidence
    rows = {row["signal"]: row for row in found.iter_rows(named=True)}
    assert rows["slot uniqueness"]["value"] == 1.0
    assert rows["one organization"]["sentence"] == "100% of the prompts come from one organization"
    assert rows["repeat senders"]["p_value"] is None
    assert found.to_arrow().cast(FAMILY_EVIDENCE).num_rows == 4


def test_no_family_no_verdict(tmp_path: Path) -> None:
    links = linked(tmp_path, pool(2, 1), {})
    found = judge(links, [], TierSettings())
    assert found.tiers.height == found.evidence.height == 0
