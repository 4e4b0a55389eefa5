"""What Shoal talks about, and the one place that spells column names.

A *prompt* is one row of traffic. Exact copies of one text share a `text_key`. A *family* is one day's group
of templated prompts; a *campaign* is a family with a lasting id. Between stages data travels as Arrow tables
with the schemas below; inside a stage as numpy arrays.

Every table is written in an order that follows from its content (the `sort` given beside each schema), never
from the order of input rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")
TEXT_KEY = pa.binary(16)
"""BLAKE2b-128 of a prompt's text in Unicode form NFC, as UTF-8: equal keys are exact copies."""


class Tier(StrEnum):
    ACTIONABLE = "actionable"
    REVIEW = "review"
    BENIGN = "benign"


class Objective(StrEnum):
    """What a family is after."""

    REASONING_TRACES = "reasoning traces"
    GRADING = "grading and reward data"
    REWRITING = "safety or censorship rewriting"
    CODE = "code"
    TOOL_USE = "agentic tool use"
    TRANSLATION = "translation"
    EXTRACTION = "extraction"
    CLASSIFICATION = "classification"
    SUMMARIZATION = "summarization"
    GENERATION = "question and data generation"
    ROLEPLAY = "roleplay or jailbreak"
    BENCHMARK = "benchmark"
    UNCLEAR = "unclear"


class MatcherState(StrEnum):
    """Whether a template may be used to find more prompts, or what speaks against it."""

    USABLE = "usable"
    TOO_SHORT = "too little constant text"
    MEMBERS_LOST = "members not accepted"
    UNTESTED = "too little other traffic to tell"
    COLLIDES = "matches others"


UNFIT = frozenset({MatcherState.TOO_SHORT, MatcherState.MEMBERS_LOST})
"""States that do not depend on whom a matcher meets."""


class Reason(StrEnum):
    """Why a row was set aside. The wording is part of the output."""

    NULL = "required value is null"
    EMPTY = "prompt is empty"
    FUTURE = "created_at is in the future"
    DUPLICATE_ID = "prompt_id appears more than once"
    INVALID_UTF8 = "text is not valid UTF-8"
    TOO_LONG = "prompt is longer than the limit"
    BAD_VALUE = "value cannot be read as its column's type"
    UNREADABLE_FILE = "file cannot be read"
    RESERVED_ID = "id begins with a reserved prefix"
    ERASED = "account was erased"


RESERVED_PREFIX = "shoal-canary:"
"""How the accounts and prompts of canaries are called. No pseudonym has a colon, and a real row that begins so is set
aside."""


# -- input ---------------------------------------------------------------------------------------------

TRAFFIC = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("created_at", UTC_MICROSECONDS, nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("system_prompt", pa.string()),
        pa.field("organization_id", pa.string()),
        pa.field("api_key_id", pa.string()),
        pa.field("model", pa.string()),
        pa.field("user_agent", pa.string()),
        pa.field("ip", pa.string()),
        pa.field("asn", pa.int32()),
        pa.field("country", pa.string()),
        pa.field("payment_fingerprint", pa.string()),
        pa.field("account_created_at", UTC_MICROSECONDS),
        pa.field("input_tokens", pa.int32()),
        pa.field("output_tokens", pa.int32()),
    ]
)
"""One row is one prompt. Optional columns are nullable and may be absent from a file."""

REQUIRED_COLUMNS = tuple(f.name for f in TRAFFIC if not f.nullable)
PSEUDONYM_COLUMNS = ("account_id", "organization_id", "api_key_id", "ip", "payment_fingerprint")

# -- stage outputs, internal to a run ------------------------------------------------------------------

PROMPTS = TRAFFIC.append(pa.field("text_key", TEXT_KEY, nullable=False))
"""Accepted prompts, one file per partition of accounts (`prompts/part-0000.parquet`). Sort: prompt_id."""

PLANTED = pa.schema(
    [
        pa.field("text_key", TEXT_KEY, nullable=False),
        pa.field("canary", pa.string()),
        pa.field("n_prompts", pa.int64(), nullable=False),
    ]
)
"""The texts that were planted, none of them a text of the traffic; `canary` is null for cover. Sort: text_key."""

CANARIES = pa.schema(
    [
        pa.field("canary", pa.string(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("found", pa.int64(), nullable=False),
        pa.field("recall", pa.float64(), nullable=False),
        pa.field("mixed", pa.int64(), nullable=False),
    ]
)
"""What became of each canary: `found` of its prompts are in one family that is all but its own, `recall` is their part,
`mixed` counts its prompts that share a family with real ones, or the real ones where they are fewer. Sort: canary."""

QUARANTINE = pa.schema(
    [
        pa.field("prompt_id", pa.string()),
        pa.field("account_id", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""Rejected rows. `source` is a file name, `row` its 0-based row there, `detail` never holds prompt text.
Sort: source, row."""

TEXTS = pa.schema(
    [
        pa.field("text_key", TEXT_KEY, nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
        pa.field("n_tokens", pa.int32(), nullable=False),
        pa.field("evasion_marks", pa.int32(), nullable=False),
        pa.field("language", pa.int8(), nullable=False),
        pa.field("pairs", pa.list_(pa.uint64()), nullable=False),
        pa.field("wide_pairs", pa.list_(pa.uint64()), nullable=False),
        pa.field("edges", pa.list_(pa.uint64()), nullable=False),
        pa.field("windows", pa.list_(pa.uint64()), nullable=False),
        pa.field("skeleton", pa.string(), nullable=False),
    ]
)
"""Distinct texts: weight, accounts, language (a place in `FUNCTION_WORDS`, -1 for unknown), the scaffold features kept
by each reading (ascending), and the skeleton. Sort: text_key."""

GROUPS = pa.schema(
    [
        pa.field("text_key", TEXT_KEY, nullable=False),
        pa.field("group", pa.int32(), nullable=False),
        pa.field("strength", pa.float32(), nullable=False),
        pa.field("is_family", pa.bool_(), nullable=False),
    ]
)
"""Lexical groups, those too weak to be a family included; texts of no group do not appear. Sort: text_key."""

OPEN_TEXTS = pa.schema(
    [
        pa.field("text_key", TEXT_KEY, nullable=False),
        pa.field("ordinary", pa.float32(), nullable=False),
    ]
)
"""Texts of no lexical family that have near texts of other accounts, and how much like anybody's the other traffic of
all their senders is (0.5 is anybody's). Sort: text_key."""

REPRESENTATIVES = pa.schema(
    [
        pa.field("representative", pa.int32(), nullable=False),
        pa.field("group", pa.int32(), nullable=False),
        pa.field("text_key", TEXT_KEY, nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
    ]
)
"""What is embedded: one skeleton per lexical group, and head and tail windows of texts left open (group -1).
Sort: representative (0..n-1, the row of the run's `vectors.npy`)."""

FAMILY_MEMBERS = pa.schema(
    [
        pa.field("text_key", TEXT_KEY, nullable=False),
        pa.field("family", pa.int32(), nullable=False),
        pa.field("strength", pa.float32(), nullable=False),
        pa.field("is_core", pa.bool_(), nullable=False),
    ]
)
"""Texts of families; texts of none do not appear. Sort: text_key."""

FAMILY_CORES = pa.schema(
    [
        pa.field("family", pa.int32(), nullable=False),
        pa.field("feature", pa.uint64(), nullable=False),
        pa.field("weight", pa.float32(), nullable=False),
    ]
)
"""The scaffold features that mark a family and their weights. Sort: family, feature."""

BACKGROUND = pa.schema(
    [
        pa.field("reading", pa.string(), nullable=False),
        pa.field("feature", pa.uint64(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
    ]
)
"""`background.parquet`: the part of the day's accounts that sent a feature in texts of no family, for later days.
`usual.parquet`: the mean of that over the trailing days of a run, for the features of its own texts. A `reading` is a
column of `TEXTS`. Sort: reading, feature."""

LABELS = pa.schema(
    [
        pa.field("family", pa.int32(), nullable=False),
        pa.field("template", pa.string(), nullable=False),
        pa.field("template_json", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("summary", pa.string(), nullable=False),
        pa.field("objective", pa.string(), nullable=False),
        pa.field("objective_confidence", pa.float32(), nullable=False),
        pa.field("keyphrases", pa.list_(pa.string()), nullable=False),
        pa.field("exemplars", pa.list_(TEXT_KEY), nullable=False),
    ]
)
"""Sort: family."""

MATCHERS = pa.schema(
    [
        pa.field("family", pa.int32(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("anywhere", pa.bool_(), nullable=False),
        pa.field("is_template", pa.bool_(), nullable=False),
        pa.field("saved_bits", pa.float64(), nullable=False),
        pa.field("accepted", pa.float64(), nullable=False),
        pa.field("words", pa.float64(), nullable=False),
        pa.field("organic_matches", pa.int64(), nullable=False),
        pa.field("organic_accounts", pa.int64(), nullable=False),
        pa.field("organic_prompts", pa.int64(), nullable=False),
        pa.field("collision_bound", pa.float64(), nullable=False),
        pa.field("other_families", pa.list_(pa.int32()), nullable=False),
        pa.field("other_matches", pa.list_(pa.int64()), nullable=False),
    ]
)
"""Whether a family's template may be matched against other traffic: a `MatcherState`, why in words, and the figures.

`anywhere`: also inside longer prompts. `organic_matches` of the `organic_prompts`, those of no family, match;
`collision_bound` is the upper bound of that rate. `other_families` are those with members that match too. Sort: family.
"""

COVERS = pa.schema(
    [
        pa.field("family", pa.int32(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("words", pa.list_(pa.uint64()), nullable=False),
        pa.field("weights", pa.list_(pa.int32()), nullable=False),
        pa.field("least", pa.int32(), nullable=False),
        pa.field("typical", pa.int32(), nullable=False),
        pa.field("by_template", pa.float64(), nullable=False),
        pa.field("held_out", pa.float64(), nullable=False),
        pa.field("organic_most", pa.int32(), nullable=False),
        pa.field("organic_matches", pa.int64(), nullable=False),
        pa.field("organic_prompts", pa.int64(), nullable=False),
        pa.field("collision_bound", pa.float64(), nullable=False),
        pa.field("other_families", pa.list_(pa.int32()), nullable=False),
        pa.field("other_matches", pa.list_(pa.int64()), nullable=False),
    ]
)
"""Covers of the families whose template finds too few of their own prompts: a `MatcherState`, why, and the figures.

`words`, `weights`, `least`, `typical`: see `campaigns.covers.Cover`. `by_template`: part of the family's texts that its
template finds; `held_out`: part that reaches `least`, each by what the other half of the senders told. `organic_most`:
the most evidence of a prompt of no family. `other_families` are those of other campaigns with prompts that reach it.
Sort: family.
"""

SEEDS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("seed_id", pa.string(), nullable=False),
        pa.field("matched", pa.int64(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("overlap", pa.float64(), nullable=False),
        pa.field("how", pa.string(), nullable=False),
    ]
)
"""Campaigns that partners told of. Nothing is decided by it, and nothing else of a run rests on it.

The seed's template matches `matched` of the campaign's `n_prompts`; `overlap` is what it has in common with the core of
the nearest wording; `how` says the same in words. Sort: campaign_id, seed_id.
"""

SLOT_VALUES = pa.schema(
    [
        pa.field("family", pa.int32(), nullable=False),
        pa.field("slot", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("n_values", pa.int64(), nullable=False),
        pa.field("value_key", pa.uint64(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
    ]
)
"""The values that most accounts put into each slot of a template, out of `n_values` distinct ones.

`slot` counts from 0. Equal words have equal keys in every family, whatever their case or disguise. `value` is raw and
cut; show it through `campaigns.display`. Sort: family, slot, n_accounts and n_prompts (both falling), value_key.
"""

WORDINGS = pa.schema(
    [
        pa.field("family", pa.int32(), nullable=False),
        pa.field("lead", pa.int32(), nullable=False),
        pa.field("shared", pa.int64()),
        pa.field("expected", pa.float64()),
        pa.field("log_p", pa.float64()),
        pa.field("cosine", pa.float64()),
        pa.field("by_direction", pa.bool_()),
    ]
)
"""Which families are wordings of one campaign, named by its largest family, and what joined each: accounts shared with
the others, those that chance would have given, the log of the p-value, the cosine of the vocabularies, and
whether only what they ask for joined it. Sort: family."""

_LINEAGE = [
    pa.field("event", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("other_id", pa.string()),
    pa.field("overlap", pa.float64(), nullable=False),
    pa.field("shared", pa.int64(), nullable=False),
    pa.field("expected", pa.float64(), nullable=False),
    pa.field("cosine", pa.float64()),
]
"""Why a campaign has its id: with whom it was compared, the overlap of their nearest wordings, accounts in common and
those that chance explains, the cosine of what they ask for."""

IDENTITIES = pa.schema(
    [
        pa.field("family", pa.int32(), nullable=False),
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("lead", pa.int32(), nullable=False),
        pa.field("variant", pa.int32(), nullable=False),
        *_LINEAGE,
    ]
)
"""The campaign of each family. `lead` is the family that stands for the campaign today; `variant` is the lasting number
of its wording. Sort: family."""

COLLISIONS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("variant", pa.int32(), nullable=False),
        pa.field("prompts", pa.int64(), nullable=False),
        pa.field("matches", pa.int64(), nullable=False),
        pa.field("accounts", pa.int64(), nullable=False),
        pa.field("loose_matches", pa.int64(), nullable=False),
        pa.field("loose_accounts", pa.int64(), nullable=False),
        pa.field("of_members", pa.int64(), nullable=False),
        pa.field("own", pa.int64(), nullable=False),
        pa.field("of_others", pa.int64(), nullable=False),
    ]
)
"""Whom the matchers of all known wordings met: figures of `campaigns.collisions.Met`, and in `of_others` the prompts of
other campaigns' families that match whole. Sort: campaign_id, variant."""

UNSEEN = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        *_LINEAGE,
        pa.field("days", pa.int64(), nullable=False),
    ]
)
"""What became of known campaigns that no family of the day is: merged, dormant, retired. `days`: since it was seen.
Sort: campaign_id."""

TIERS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
        pa.field("operator_id", pa.string()),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
    ]
)
"""Sort: campaign_id."""

SLOT_WORDS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("text_key", TEXT_KEY, nullable=False),
        pa.field("stratum", pa.int64(), nullable=False),
        pa.field("words", pa.list_(pa.uint64()), nullable=False),
    ]
)
"""What accounts put into the slots of a campaign, as hashes of words, for the days to come: whose topics they are takes
more than one prompt per account. `stratum` tells wordings and languages of the day apart.
Sort: campaign_id, account_id, text_key."""

ACTIVE = pa.schema([pa.field("account_id", pa.string(), nullable=False)])
"""The accounts of the day, for the days to come. Sort: account_id."""

# -- published results ---------------------------------------------------------------------------------

MEMBERS = pa.schema(
    [
        pa.field("prompt_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("strength", pa.float32(), nullable=False),
        pa.field("is_core", pa.bool_(), nullable=False),
    ]
)
"""Sort: campaign_id, prompt_id."""

CAMPAIGNS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("tier", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
        pa.field("template", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("summary", pa.string(), nullable=False),
        pa.field("objective", pa.string(), nullable=False),
        pa.field("objective_confidence", pa.float32(), nullable=False),
        pa.field("keyphrases", pa.list_(pa.string()), nullable=False),
        pa.field("exemplar_prompt_ids", pa.list_(pa.string()), nullable=False),
        pa.field("operator_id", pa.string()),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
    ]
)
"""Sort: campaign_id."""

ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("strength", pa.float64(), nullable=False),
        pa.field("is_core", pa.bool_(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
    ]
)
"""`share` is the part of the account's prompts of the day that the campaign holds. Sort: campaign_id, account_id."""

EVIDENCE = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("signal", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("control_median", pa.float64()),
        pa.field("control_p95", pa.float64()),
        pa.field("controls", pa.list_(pa.float64()), nullable=False),
        pa.field("p_value", pa.float64()),
        pa.field("sentence", pa.string(), nullable=False),
    ]
)
"""One row per campaign and signal. `controls` are 21 quantiles, from the least to the largest, of what the null model
or matched ordinary accounts show; empty where there are none. `value` is null where a signal could not be tested,
`p_value` also where it is only described. Sort: campaign_id, signal."""

VARIANTS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("variant", pa.int32(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
        pa.field("template", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("exemplar_prompt_id", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""The wordings of a campaign by their lasting numbers, and what makes each of them one. Sort: campaign_id, variant."""

OPERATORS = pa.schema(
    [
        pa.field("operator_id", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("membership", pa.float64(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
    ]
)
"""Campaigns that are run together. `membership` (0..1) is soft, and a campaign may belong to several operators.
Sort: operator_id, campaign_id."""

BRIDGES = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("other_id", pa.string(), nullable=False),
        pa.field("n_shared", pa.int64(), nullable=False),
        pa.field("expected", pa.float64(), nullable=False),
        pa.field("account_ids", pa.list_(pa.string()), nullable=False),
    ]
)
"""Accounts that connect two campaigns without making them one operator's. Sort: campaign_id, other_id."""

MAP = pa.schema(
    [
        pa.field("representative", pa.int32(), nullable=False),
        pa.field("x", pa.float32(), nullable=False),
        pa.field("y", pa.float32(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("n_accounts", pa.int64(), nullable=False),
        pa.field("campaign_id", pa.string()),
    ]
)
"""A two-dimensional picture of the representatives; nothing is ever decided by it. Sort: representative."""

PREVALENCE = pa.schema(
    [
        pa.field("campaign_id", pa.string()),
        pa.field("model", pa.string()),
        pa.field("country", pa.string()),
        pa.field("replicate", pa.int32(), nullable=False),
        pa.field("n_prompts", pa.int64(), nullable=False),
        pa.field("input_tokens", pa.int64(), nullable=False),
        pa.field("input_counted", pa.int64(), nullable=False),
        pa.field("output_tokens", pa.int64(), nullable=False),
        pa.field("output_counted", pa.int64(), nullable=False),
    ]
)
"""All accepted prompts of the day, counted; `campaign_id` is null for those of none. `input_tokens` and `output_tokens`
are sums over the prompts that had the figure, of which there are `input_counted` and `output_counted`. `replicate`
deals what was drawn into random groups, see `campaigns.estimates`.
Sort: campaign_id, model, country, replicate, nulls first."""

PREVALENCE_ACCOUNTS = pa.schema(
    [
        pa.field("by", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("in_campaigns", pa.bool_(), nullable=False),
        pa.field("accounts_once", pa.int64(), nullable=False),
        pa.field("accounts_twice", pa.int64(), nullable=False),
        pa.field("accounts_more", pa.int64(), nullable=False),
    ]
)
"""Distinct accounts of the day, which do not add up over cells, by all, campaign, tier, objective, model or country
(`by`) and its `value`, and of all suspected campaigns, those that are not benign: how many sent one prompt of that
kind, two, more. `in_campaigns`: only prompts of campaigns count. Sort: by, value, in_campaigns, nulls first."""

# -- values --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """in = accepted + copies + quarantined, exactly.

    `accepted` is the number of distinct texts, `copies` that of the other accepted rows. Rows of other days
    than the run's are passed over, and in a second pass those of accounts that it does not look at; `other_days` and
    `other_accounts` count them apart from `rows_in`.
    """

    rows_in: int
    accepted: int
    copies: int
    quarantined: int
    by_reason: dict[str, int] = field(default_factory=dict)
    other_days: int = 0
    other_accounts: int = 0

    @property
    def balanced(self) -> bool:
        return self.rows_in == self.accepted + self.copies + self.quarantined

    def as_counts(self) -> dict[str, int | float | str]:
        """Flat, for a stage record; quarantine reasons as `quarantined: REASON`."""
        reasons = {f"quarantined: {reason}": n for reason, n in sorted(self.by_reason.items())}
        return {
            "rows_in": self.rows_in,
            "accepted": self.accepted,
            "copies": self.copies,
            "quarantined": self.quarantined,
            "other_days": self.other_days,
            **({"other_accounts": self.other_accounts} if self.other_accounts else {}),
            **reasons,
        }


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a template where members differ.

    `kind` is one of number, name, code, url, question, list, text; `values` are up to a few samples, shortest first.
    """

    kind: str
    n_values: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """Constants (`str`) and slots in order of appearance.

    `constant_share` is the part of the members' tokens that the constants explain (0..1); `saved_bits` is the code
    length that template and slots save over plain text, per member; `accepted` is the part of the members that
    hold every constant in order.
    """

    parts: tuple[str | Slot, ...]
    constant_share: float
    saved_bits: float
    accepted: float

    def display(self) -> str:
        return "".join(part if isinstance(part, str) else "{" + part.kind + "}" for part in self.parts)


@dataclass(frozen=True, slots=True)
class Label:
    """What a person reads about a family."""

    title: str
    summary: str
    objective: Objective
    objective_confidence: float
    keyphrases: tuple[str, ...]


def text_key(text: str) -> bytes:
    """The key of one text that is already in form NFC; see `TEXT_KEY`."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
