"""Everything known about one campaign on one day, gathered from the store and the run's files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from campaigns.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from campaigns.entries import CampaignHistory, KnownMatcher, Seed
    from campaigns.records import Slot, Template
    from campaigns.runs import Run
    from review.evidence import Sheet
    from review.run_tables import RunTables

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
            "said": history["said"],
        }


def partners_told(run: Run | RunTables, seeds: Sequence[Seed]) -> dict[str, list[Row]]:
    """By campaign what partners told of it: seed, partner, marking, and how the run found that out.

    Args:
        seeds: those that are not removed; of others nothing is said.
    """
    from review.run_tables import RunTables

    tables = RunTables.of(run)
    known = {seed.seed_id: seed for seed in seeds}
    found: dict[str, list[Row]] = {}
    for row in tables.table("seeds").to_pylist() if tables.has("seeds") else ():
        seed = known.get(row["seed_id"])
        if seed is not None:
            about = {"partner": seed.partner, "tlp": seed.tlp.value, "note": seed.note}
            found.setdefault(row.pop("campaign_id"), []).append({**row, **about})
    return found


def read_report(
    tables: RunTables,
    history: CampaignHistory,
    sought: Sequence[KnownMatcher] = (),
    seeds: Sequence[Seed] = (),
) -> CampaignReport:
    """
    Args:
        sought: the matchers of the campaign as the store knows them.

    Raises:
        UsageError: the campaign is not in this run.
        IntegrityError: a file of the run is missing or damaged.
    """
    from campaigns.entries import template_hash
    from review.evidence import read_sheet

    name = history.campaign_id
    campaign = campaign_row(tables, name, f"It was seen from {history.first_day} to {history.last_day}.")
    lead = _lead(tables, name)
    evasion_marks, marked_texts = _marks(tables, lead)
    accounts = _rows(tables, "accounts", name)
    accounts.sort(key=lambda row: (-row["strength"], -row["n_prompts"], row["account_id"]))
    return CampaignReport(
        day=tables.day,
        run_id=tables.run_id,
        campaign=campaign,
        template=_template(tables, lead),
        template_hash=template_hash(campaign["template"]),
        matcher=next(iter(_of_family(tables, "matchers", lead)), None),
        slot_values=_of_family(tables, "slot_values", lead),
        accounts=accounts,
        variants=_rows(tables, "variants", name),
        operators=_operators(tables, name),
        bridges=_bridges(tables, name),
        evidence=_rows(tables, "evidence", name),
        sheet=read_sheet(tables, campaign),
        exemplars=read_prompts(tables, campaign["exemplar_prompt_ids"]),
        evasion_marks=evasion_marks,
        marked_texts=marked_texts,
        history=history,
        sought=sought,
        told=partners_told(tables, seeds).get(name, []),
    )


def campaign_row(tables: RunTables, campaign_id: str, hint: str = "") -> Row:
    """The row of `campaigns.parquet`.

    Raises:
        UsageError: the campaign is not in this run; `hint` may say where it is.
    """
    found = _rows(tables, "campaigns", campaign_id)
    if not found:
        raise UsageError(f"{campaign_id} was not seen on {tables.day}", hint=hint)
    (row,) = found
    return row


def read_template(tables: RunTables, campaign_id: str) -> Template:
    """That of the leading wording of a campaign that the run has."""
    return _template(tables, _lead(tables, campaign_id))


def _lead(tables: RunTables, campaign_id: str) -> int:
    """The family that stands for the campaign."""
    rows = _rows(tables, "identities", campaign_id)
    return next(int(row["family"]) for row in rows if row["family"] == row["lead"])


def _template(tables: RunTables, family: int) -> Template:
    from labeling.template import template_from_json

    (stored,) = tables.rows("labels", "family", family, ["template_json"])["template_json"].to_pylist()
    return template_from_json(stored)


def _rows(tables: RunTables, table: str, campaign_id: str, column: str = "campaign_id") -> list[Row]:
    """None where the run, of an earlier version, has no such table."""
    found: list[Row] = tables.rows(table, column, campaign_id).to_pylist() if tables.has(table) else []
    return found


def _operators(tables: RunTables, campaign_id: str) -> list[Row]:
    """Rows of the operators that the campaign belongs to, the firmest members first."""
    from review.heads import heads

    own = sorted(row["operator_id"] for row in _rows(tables, "operators", campaign_id))
    rows = [row for operator in own for row in _rows(tables, "operators", operator, "operator_id")]
    named = heads(tables, [row["campaign_id"] for row in rows])
    found = [row | {"label": named[row["campaign_id"]].title} for row in rows]
    found.sort(key=lambda row: (row["operator_id"], -row["membership"], row["campaign_id"]))
    return found


def _bridges(tables: RunTables, campaign_id: str) -> list[Row]:
    """Accounts that connect the campaign with others, the most first."""
    from review.heads import heads

    found = []
    for own, other in (("campaign_id", "other_id"), ("other_id", "campaign_id")):
        for row in _rows(tables, "bridges", campaign_id, own):
            figures = {name: row[name] for name in ("n_shared", "expected", "account_ids")}
            found.append({"other_id": row[other], **figures})
    named = heads(tables, [row["other_id"] for row in found])
    found = [{"other_id": row["other_id"], "label": named[row["other_id"]].title, **row} for row in found]
    found.sort(key=lambda row: (-row["n_shared"], row["other_id"]))
    return found


def _of_family(tables: RunTables, table: str, family: int) -> list[Row]:
    """Rows of a family, without its number; none where the run has no such table."""
    if not tables.has(table):
        return []
    found: list[Row] = tables.rows(table, "family", family).drop_columns("family").to_pylist()
    return found


def _marks(tables: RunTables, family: int) -> tuple[int, int]:
    """(evasion marks, texts that have any) of the distinct texts of a family."""
    marks = tables.made("marks of families", lambda: _marks_of_families(tables))
    return (int(marks[family, 0]), int(marks[family, 1])) if family < len(marks) else (0, 0)


def _marks_of_families(tables: RunTables) -> NDArray[np.int64]:
    """int64 (n, 2), the two figures of `_marks`; the last families may lack where they have none."""
    import numpy as np
    import pyarrow.compute as pc

    texts = tables.table("texts", ["text_key", "evasion_marks"], keep=False)
    texts = texts.filter(pc.greater(texts["evasion_marks"], 0)).combine_chunks()
    members = tables.table("family_members", ["text_key", "family"], keep=False)
    place = pc.index_in(members["text_key"], value_set=texts["text_key"])
    family = members["family"].filter(pc.is_valid(place)).to_numpy()
    marks = texts["evasion_marks"].take(place.drop_null()).to_numpy()
    return np.stack([np.bincount(family, marks), np.bincount(family)], axis=1).astype(np.int64)


def read_prompts(tables: RunTables, prompt_ids: list[str]) -> list[Row]:
    """The prompts with these ids, in their order."""
    columns = ["prompt_id", "account_id", "prompt"]
    parts = [f"{path.parent.name}/{path.stem}" for path in tables.run.prompt_parts()]
    found: list[Row] = []
    for prompt_id in prompt_ids:
        for part in parts:
            found += tables.rows(part, "prompt_id", prompt_id, columns, keep=False).to_pylist()
    return found
