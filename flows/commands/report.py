"""Everything known about one campaign on one day, gathered from the store and the run's files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from campaigns.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from campaigns.entries import CampaignHistory, KnownMatcher, Seed
    from campaigns.records import Slot, Template
    from campaigns.runs import Run
    from campaigns.store import Store
    from review.evidence import Sheet

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """What `shoal show` shows.

    `campaign`, `accounts` (the strongest first), `variants`, `operators`, `bridges` and `evidence` are rows of the
    run's tables; `sheet` is the evidence once more, sorted and weighed. `operators` holds every campaign of the
    operators that this one belongs to, with its `label`; `bridges` the `other_id` and its `label`, whichever side it
    stands on. `exemplars` hold prompt_id, account_id and the original prompt. `evasion_marks` are those of the
    members' distinct texts, `marked_texts` the texts that have any. Template, matcher and slots are those of the
    leading wording, on that day; `sought` says of all wordings what the days together say. `told`: partners who told of
    it, see `partners_told`.
    """

    day: date
    run_id: str
    campaign: Row
    template: Template
    template_hash: str
    matcher: Row | None
    slot_values: list[Row]
    accounts: list[Row]
    variants: list[Row]
    operators: list[Row]
    bridges: list[Row]
    evidence: list[Row]
    sheet: Sheet
    exemplars: list[Row]
    evasion_marks: int
    marked_texts: int
    history: CampaignHistory
    sought: Sequence[KnownMatcher]
    told: list[Row]

    @property
    def slots(self) -> list[Slot]:
        return [part for part in self.template.parts if not isinstance(part, str)]

    def common(self, slot: int) -> list[Row]:
        """The values that most accounts put into a slot, counted from 0: value, n_prompts and n_accounts of each."""
        wanted = ("value", "n_prompts", "n_accounts")
        return [{name: row[name] for name in wanted} for row in self.slot_values if row["slot"] == slot]

    def as_json(self, most_accounts: int) -> Row:
        history = asdict(self.history)
        return {
            "day": self.day.isoformat(),
            "run_id": self.run_id,
            **self.campaign,
            "template_hash": self.template_hash,
            "constant_share": self.template.constant_share,
            "saved_bits": self.template.saved_bits,
            "accepted": self.template.accepted,
            "matcher": self.matcher,
            "sought": [asdict(known) for known in self.sought],
            "slots": [asdict(slot) | {"common": self.common(n)} for n, slot in enumerate(self.slots)],
            "accounts": self.accounts[:most_accounts],
            "variants": self.variants,
            "operators": self.operators,
            "bridges": self.bridges,
            "evidence": self.evidence,
            **self.sheet.as_json(),
            "exemplars": self.exemplars,
            "evasion_marks": self.evasion_marks,
            "marked_texts": self.marked_texts,
            "seeds": self.told,
            "first_day": self.history.first_day.isoformat(),
            "last_day": self.history.last_day.isoformat(),
            "state": self.history.state,
            "history": history["days"],
            "lineage": history["lineage"],
            "wordings_by_day": history["wordings"],
            "related": history["related"],
        }


def resolve(store: Store, given: str) -> str:
    """The id of the one campaign whose id is, or begins with, `given`.

    Raises:
        UsageError: there is none, or several.
    """
    ids = [campaign.campaign_id for campaign in store.campaigns()]
    found = [given] if given in ids else sorted(name for name in ids if given and name.startswith(given))
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"no campaign {given!r}", where=store.where, hint="`shoal campaigns --all` lists them."
        )
    raise UsageError(
        f"{len(found)} campaigns begin with {given!r}", hint=f"For example {found[0]} and {found[1]}."
    )


def partners_told(run: Run, seeds: Sequence[Seed]) -> dict[str, list[Row]]:
    """By campaign what partners told of it: seed, partner, marking, and how the run found that out.

    Args:
        seeds: those that are not removed; of others nothing is said.
    """
    known = {seed.seed_id: seed for seed in seeds}
    found: dict[str, list[Row]] = {}
    for row in _all_rows(run, "seeds"):
        seed = known.get(row["seed_id"])
        if seed is not None:
            about = {"partner": seed.partner, "tlp": seed.tlp.value, "note": seed.note}
            found.setdefault(row.pop("campaign_id"), []).append({**row, **about})
    return found


def read_report(
    run: Run,
    history: CampaignHistory,
    sought: Sequence[KnownMatcher] = (),
    seeds: Sequence[Seed] = (),
) -> CampaignReport:
    """
    Args:
        sought: the matchers of the campaign as the store knows them.

    Raises:
        UsageError: the campaign is not in this run.
        IntegrityError: a file of the run is damaged.
    """
    from campaigns.entries import template_hash
    from labeling.template import template_from_json
    from review.evidence import read_sheet

    name = history.campaign_id
    found = _rows(run, "campaigns", name)
    if not found:
        last = f"{history.first_day} to {history.last_day}"
        raise UsageError(f"{name} was not seen on {run.day}", hint=f"It was seen from {last}.")
    (campaign,) = found
    identity = next(row for row in _rows(run, "identities", name) if row["family"] == row["lead"])
    labels = run.table("labels", ["family", "template_json"]).to_pylist()
    stored = next(row["template_json"] for row in labels if row["family"] == identity["family"])
    evasion_marks, marked_texts = _marks(run, identity["family"])
    accounts = _rows(run, "accounts", name)
    accounts.sort(key=lambda row: (-row["strength"], -row["n_prompts"], row["account_id"]))
    return CampaignReport(
        day=run.day,
        run_id=run.run_id,
        campaign=campaign,
        template=template_from_json(stored),
        template_hash=template_hash(campaign["template"]),
        matcher=next(iter(_of_family(run, "matchers", identity["family"])), None),
        slot_values=_of_family(run, "slot_values", identity["family"]),
        accounts=accounts,
        variants=[row for row in _all_rows(run, "variants") if row["campaign_id"] == name],
        operators=_operators(run, name),
        bridges=_bridges(run, name),
        evidence=_rows(run, "evidence", name),
        sheet=read_sheet(run, campaign),
        exemplars=_prompts(run, campaign["exemplar_prompt_ids"]),
        evasion_marks=evasion_marks,
        marked_texts=marked_texts,
        history=history,
        sought=sought,
        told=partners_told(run, seeds).get(name, []),
    )


def _rows(run: Run, table: str, campaign_id: str) -> list[Row]:
    import pyarrow.compute as pc

    rows = run.table(table)
    found: list[Row] = rows.filter(pc.equal(rows["campaign_id"], campaign_id)).to_pylist()
    return found


def _all_rows(run: Run, table: str) -> list[Row]:
    """None where the run, of an earlier version, has no such table."""
    found: list[Row] = run.table(table).to_pylist() if (run.path / f"{table}.parquet").exists() else []
    return found


def _operators(run: Run, campaign_id: str) -> list[Row]:
    """Rows of the operators that the campaign belongs to, the firmest members first."""
    rows = _all_rows(run, "operators")
    own = {row["operator_id"] for row in rows if row["campaign_id"] == campaign_id}
    labels = _labels_of(run)
    found = [row | {"label": labels[row["campaign_id"]]} for row in rows if row["operator_id"] in own]
    found.sort(key=lambda row: (row["operator_id"], -row["membership"], row["campaign_id"]))
    return found


def _bridges(run: Run, campaign_id: str) -> list[Row]:
    """Accounts that connect the campaign with others, the most first."""
    labels = _labels_of(run)
    found = []
    for row in _all_rows(run, "bridges"):
        ends = [row.pop("campaign_id"), row.pop("other_id")]
        if campaign_id in ends:
            ends.remove(campaign_id)
            found.append({"other_id": ends[0], "label": labels[ends[0]], **row})
    found.sort(key=lambda row: (-row["n_shared"], row["other_id"]))
    return found


def _labels_of(run: Run) -> dict[str, str]:
    return {
        row["campaign_id"]: row["label"]
        for row in run.table("campaigns", ["campaign_id", "label"]).to_pylist()
    }


def _of_family(run: Run, table: str, family: int) -> list[Row]:
    """Rows of a family, without its number; none where the run has no such table."""
    import pyarrow.compute as pc

    if not (run.path / f"{table}.parquet").exists():
        return []
    rows = run.table(table)
    found: list[Row] = rows.filter(pc.equal(rows["family"], family)).drop_columns("family").to_pylist()
    return found


def _marks(run: Run, family: int) -> tuple[int, int]:
    """(evasion marks, texts that have any) of the distinct texts of a family."""
    import polars as pl

    members = pl.DataFrame(run.table("family_members", ["text_key", "family"]))
    texts = pl.DataFrame(run.table("texts", ["text_key", "evasion_marks"]))
    marks = texts.join(members.filter(pl.col("family") == family), on="text_key", how="semi")["evasion_marks"]
    return int(marks.sum()), int((marks > 0).sum())


def _prompts(run: Run, prompt_ids: list[str]) -> list[Row]:
    """The prompts with these ids, in their order. Parts are sorted by id: most row groups are never read."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = pc.field("prompt_id").isin(prompt_ids)
    found: dict[str, Row] = {}
    for part in run.prompt_parts():
        table = pq.read_table(
            part,
            columns=["prompt_id", "account_id", "prompt"],
            filters=wanted,
            partitioning=None,
            page_checksum_verification=True,
        )
        found.update({row["prompt_id"]: row for row in table.to_pylist()})
    return [found[name] for name in prompt_ids if name in found]
