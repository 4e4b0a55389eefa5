"""The linking stage: families to accounts, tiers and the figures behind them."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.link import link
from accounts.tiers import AllowRule, judge
from campaigns import files
from campaigns.entries import template_hash
from campaigns.records import FAMILY_ACCOUNTS, FAMILY_EVIDENCE, FAMILY_TIERS
from campaigns.runs import Counts, Run
from campaigns.settings import Settings


def link_families(run: Run, settings: Settings, allowed: Sequence[AllowRule]) -> Counts:
    """Read families, labels and identities; write `family_accounts`, `family_tiers`, `family_evidence.parquet`."""
    links = link(run)
    ids = run.table("identities", ["campaign_id"])["campaign_id"].to_pylist()
    templates = run.table("labels", ["template"])["template"].to_pylist()
    names = [
        {"campaign": campaign_id, "template_hash": template_hash(template)}
        for campaign_id, template in zip(ids, templates, strict=True)
    ]
    verdicts = judge(links, names, settings.tier, allowed)
    for name, table, schema in (
        ("family_accounts", links.accounts, FAMILY_ACCOUNTS),
        ("family_tiers", verdicts.tiers, FAMILY_TIERS),
        ("family_evidence", verdicts.evidence, FAMILY_EVIDENCE),
    ):
        files.write_parquet(run.path / f"{name}.parquet", table.to_arrow().cast(schema))
    return {"accounts": links.accounts["account_id"].n_unique(), "prompts": links.prompts.height}
