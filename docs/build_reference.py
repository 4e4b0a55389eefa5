"""Writes `docs/reference.md` from the code, so that it cannot say what the code does not.

    python docs/build_reference.py

Names, types, defaults and limits come from the command line, the settings tree, the Arrow schemas and the
enumerations. What a column means is written here; a column without a meaning, or a meaning without a column,
is an error. A test compares the committed file with what this module makes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pyarrow as pa
import typer.main
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from accounts.signals.reading import COUNTED, Group
from accounts.strength import CORE_STRENGTH, FACTS, PRIOR, WARY_PRIOR
from campaigns import errors
from campaigns.records import (
    ACCOUNTS,
    BRIDGES,
    CAMPAIGNS,
    EVIDENCE,
    MAP,
    MEMBERS,
    OPERATORS,
    PREVALENCE,
    PREVALENCE_ACCOUNTS,
    QUARANTINE,
    REQUIRED_COLUMNS,
    TRAFFIC,
    VARIANTS,
    Objective,
    Reason,
    Tier,
)
from campaigns.settings import CONFIG_FILE, CONFIG_VARIABLE, NESTED, PREFIX, Settings
from flows.cli import READER_GONE, app
from flows.commands.console import STAGES
from flows.commands.context import SECRETS
from flows.commands.teaching import EXAMPLES
from ingest.adapters import ACCOUNT_FIELDS, Shape
from ingest.pseudonyms import KINDS as PSEUDONYM_KINDS
from ingest.sources import COMPRESSIONS, KINDS, Kind

TARGET = Path(__file__).with_name("reference.md")

_HEAD = """\
# Reference

Made from the code by `docs/build_reference.py`; do not edit it by hand.

[Commands](#commands) · [Settings](#settings) · [Traffic](#traffic) · [Results](#results) ·
[Quarantine reasons](#quarantine-reasons) · [Exit codes](#exit-codes)
"""

_OUTPUTS: Mapping[str, tuple[pa.Schema, str, str]] = {
    "members.parquet": (MEMBERS, "One row per prompt of a campaign.", "campaign_id, prompt_id"),
    "campaigns.parquet": (CAMPAIGNS, "One row per campaign.", "campaign_id"),
    "accounts.parquet": (ACCOUNTS, "One row per campaign and account.", "campaign_id, account_id"),
    "evidence.parquet": (
        EVIDENCE,
        "One row per campaign and signal, also those that could not be tested.",
        "campaign_id, signal",
    ),
    "variants.parquet": (
        VARIANTS,
        "One row per wording of a campaign; a campaign of one wording has one row.",
        "campaign_id, variant",
    ),
    "operators.parquet": (
        OPERATORS,
        "One row per operator and campaign. A campaign may belong to several operators, most belong to none. "
        "Campaigns that are `benign` have none.",
        "operator_id, campaign_id",
    ),
    "bridges.parquet": (
        BRIDGES,
        "One row per pair of campaigns, neither `benign`, that share accounts without being tied to one operator.",
        "campaign_id, other_id",
    ),
    "map.parquet": (
        MAP,
        "One row per vector of the run: a skeleton or the head of an open text. Nothing is decided by it.",
        "representative",
    ),
    "prevalence.parquet": (
        PREVALENCE,
        "All accepted prompts of the day, counted: one row per campaign or none, model, country and replicate. "
        "See [prevalence](prevalence.md).",
        "campaign_id, model, country, replicate, nulls first",
    ),
    "prevalence_accounts.parquet": (
        PREVALENCE_ACCOUNTS,
        "Distinct accounts of the day, which do not add up over rows of `prevalence.parquet`.",
        "by, value, in_campaigns, nulls first",
    ),
    "quarantine.parquet": (
        QUARANTINE,
        "One row per rejected row. No prompt text. As many as the manifest counts.",
        "source, row",
    ),
}

_COUNTS = {
    "n_prompts": "Prompts of the campaign on the day.",
    "n_accounts": "Distinct accounts that sent them.",
}
_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "traffic": {
        "prompt_id": "Unique. Of rows that share an id one is kept, the rest are quarantined.",
        "account_id": "Who sent it.",
        "created_at": "When. ISO-8601 text with a zone and epoch numbers are read too; a time without a zone "
        "stops the run.",
        "prompt": "The user's text. Kept in Unicode form NFC.",
        "system_prompt": "The system message. Stored with the prompt; no stage reads it yet.",
        "organization_id": "The tenant. Tells one customer's own template from a pool. **Where no account of "
        "the day has one, nothing is `actionable`.**",
        "api_key_id": "The key used. Stored, not read yet.",
        "model": "The model asked for. Counted in prevalence.",
        "user_agent": "The client. Shown as evidence and weighed in an account's strength; never counts for a tier.",
        "ip": "The address. Its range is compared, the /24 of IPv4 and the /48 of IPv6; pseudonyms of "
        "Shoal's own keep it.",
        "asn": "The network. Compared; nearly all accounts in one network are one place, and not "
        "`actionable` without shared cards.",
        "country": "Ordinary accounts of the same countries are what hours, networks and cards are compared "
        "with. A country that nearly all accounts share and few others are in is one place. Counted in prevalence.",
        "payment_fingerprint": "The card, as a hash or token. Compared. Where many accounts share cards, "
        "copied texts and own topics explain nothing.",
        "account_created_at": "When the account was made. Compared, and what ages are matched by.",
        "input_tokens": "Counted in prevalence.",
        "output_tokens": "Counted in prevalence.",
    },
    "members.parquet": {
        "prompt_id": "As in the traffic.",
        "account_id": "As in the traffic, or its pseudonym.",
        "campaign_id": "The lasting id.",
        "strength": "Part of the family's core weight that the text carries: `family.member_share` to 1. In a family "
        "that was grown, its evidence by twice `family.grow_margin`: 0.5 to 1.",
        "is_core": "The strength is at least 0.75.",
    },
    "campaigns.parquet": {
        "campaign_id": "`c-` and 16 characters. Kept from day to day.",
        "tier": "See [tiers](#tiers).",
        "score": "0 to 1, ranks the queue: how unlikely the accounts are by chance, and how little else they "
        "send. `benign` up to 0.4, `review` from 0.4 to 0.8, `actionable` from 0.8. No probability, unless a "
        "ranker that helps has replaced it in `review`.",
        **_COUNTS,
        "template": "What the members say in the same order, slots as `{kind}`. Template, title, summary and "
        "objective are those of the leading wording, the family with most prompts.",
        "label": "A title of at most 60 characters.",
        "summary": "Two sentences.",
        "objective": "See [objectives](#objectives).",
        "objective_confidence": "0 to 1.",
        "keyphrases": "Phrases that mark this family among the day's families.",
        "exemplar_prompt_ids": "Prompts to read first.",
        "operator_id": "The operator it most belongs to, see [operators.parquet](#operatorsparquet). Null: "
        "none is known.",
        "reasons": "Why the tier, in words, the weightiest first; then what `actionable` lacks and what was "
        "not tested.",
    },
    "accounts.parquet": {
        "account_id": "As in the traffic, or its pseudonym.",
        "campaign_id": "The lasting id.",
        "n_prompts": "Prompts of the account in the campaign.",
        "share": "Part of the account's prompts of the day that the campaign holds.",
        "strength": "0 to 1: the probability, by its own facts, that the account belongs to the pool and is "
        "no passer-by. See [strength](#strength).",
        "is_core": f"The strength is at least {CORE_STRENGTH}: the account is named. Otherwise it may be a "
        "passer-by.",
        "reasons": "How much it sent, then the facts that tell most for the side it is on, four at most.",
    },
    "evidence.parquet": {
        "campaign_id": "The lasting id.",
        "signal": "Name of the figure; see [signals](#signals).",
        "group": "What it tells of. Signals of one group count once.",
        "value": "The figure. Null: it could not be tested.",
        "control_median": "The same figure under the null model, the median. Null: no null model.",
        "control_p95": "The same, the 95th percentile.",
        "controls": "21 quantiles of the figure under the null model, from the least to the largest, every "
        "twentieth part. Empty: none.",
        "p_value": "How often the null model shows as much. Null: not tested, or only described.",
        "sentence": "The figure in words, with its control; or why it was not tested.",
    },
    "variants.parquet": {
        "campaign_id": "The lasting id.",
        "variant": "0 is the leading wording, with most prompts; the others follow by their texts.",
        "n_prompts": "Prompts of this wording.",
        "n_accounts": "Distinct accounts that sent it.",
        "template": "Its template.",
        "label": "Its title.",
        "exemplar_prompt_id": "A prompt to read first.",
        "reason": "What joined it to the others: the accounts they share, and how many chance would give.",
    },
    "operators.parquet": {
        "operator_id": "`o-` and the 16 characters of the operator's oldest campaign.",
        "campaign_id": "A campaign it runs.",
        "membership": "1: firmly tied. Less: the part of the accounts that ties it.",
        "reasons": "Shared accounts, cards, or accounts that moved, in words; five at most.",
    },
    "bridges.parquet": {
        "campaign_id": "One of the two.",
        "other_id": "The other.",
        "n_shared": "Accounts that sent both.",
        "expected": "How many chance would give, for what these accounts send besides.",
        "account_ids": "Which.",
    },
    "map.parquet": {
        "representative": "Row of the run's vectors.",
        "x": "Place in the plane.",
        "y": "Place in the plane.",
        "n_prompts": "Prompts it stands for.",
        "n_accounts": "Distinct accounts of the prompts it stands for.",
        "campaign_id": "Null: no campaign.",
    },
    "prevalence.parquet": {
        "campaign_id": "Null: no campaign.",
        "model": "As in the traffic.",
        "country": "As in the traffic.",
        "replicate": "0 to 63, a random group: by hash of the account, or of the prompt with `sample_by` = `prompt`.",
        "n_prompts": "Prompts.",
        "input_tokens": "Sum over the prompts that say.",
        "input_counted": "How many say.",
        "output_tokens": "Sum over the prompts that say.",
        "output_counted": "How many say.",
    },
    "prevalence_accounts.parquet": {
        "by": "`all`, `campaign`, `tier`, `objective`, `model` or `country`; `suspected`: of all campaigns that "
        "are not benign.",
        "value": "Which campaign, tier and so on. Null for `all` and `suspected`, and where the traffic does not say.",
        "in_campaigns": "Only prompts of campaigns count; otherwise all.",
        "accounts_once": "Accounts that sent one such prompt.",
        "accounts_twice": "Accounts that sent two.",
        "accounts_more": "Accounts that sent more.",
    },
    "quarantine.parquet": {
        "prompt_id": "Null where the row was too broken to tell.",
        "account_id": "The same; a pseudonym where a key is set.",
        "source": "File, relative to the input.",
        "row": "0-based row in that file; -1: the whole file.",
        "reason": "See [quarantine reasons](#quarantine-reasons).",
        "detail": "Column and expectation, never prompt text.",
    },
}

_MANIFEST = {
    "format": "Version of the run folder's form: 1.",
    "run_id": "The day and the number of the attempt: `2026-01-05.1`.",
    "day": "The UTC day.",
    "fingerprint": "Of traffic, settings, model and version: a run with the same one resumes.",
    "digest": "SHA-256 over what was found. The same for the same traffic, settings and known campaigns.",
    "files": "SHA-256 and rows of each result file.",
    "stages": "See [stages](#stages).",
    "settings": "Those of the run, without places and secrets.",
    "versions": "Of Shoal and of what it computes with.",
    "flow_run_id": "Prefect's id of the flow run, by which the analyst's page links to it.",
    "audit": "`sequence` and `mac` of the last row of the audit log by then: a log that does not reach it was cut.",
    "detection_floor": "Fewest accounts and prompts that a family of this run can have, and the smallest campaign of "
    "all traffic that is at `sample_rate`, as figures and in words.",
    "canaries": "Each planted campaign: its prompts, how many were found in one family of its own, how many were mixed "
    "with real ones. Empty: none were planted.",
    "health": "The checks of the [health gate](runbook.md#a-run-was-not-published): value, limit, sentence. `accepted` "
    "says by whom, why and when a run was published that failed one.",
    "erasures": "Each [erasure](how-to.md#erase-an-account) that changed the run: when, the digest before and after, "
    "rows taken out or changed by table.",
    "cleared": "When its texts [went](how-to.md#keep-only-what-is-needed), as in `erasures`.",
    "sample": "`rate` and `by`: the settings `sample_rate` and `sample_by`.",
    "second_pass": "Of a day [counted again](how-it-works.md#two-passes): the run that it rests on, accounts and "
    "prompts by why they were chosen, accounts left out or absent, rows passed over. `sample` and `detection_floor` "
    "are then those of the first pass.",
    "completed_at": "When the run was done.",
}
_REASONS: Mapping[Reason, str] = {
    Reason.NULL: "A required column has no value, or an empty id.",
    Reason.EMPTY: "Nothing but whitespace and characters that nobody sees.",
    Reason.FUTURE: "Later than now plus `ingest.future_tolerance_hours`.",
    Reason.DUPLICATE_ID: "Another row with this id was kept: the smallest by time, account, text, other columns.",
    Reason.INVALID_UTF8: "Bytes that are no UTF-8, or a lone surrogate.",
    Reason.TOO_LONG: "A text or a line over `ingest.max_prompt_bytes`.",
    Reason.BAD_VALUE: "A value of another type, a line that is no JSON object, a CSV row of the wrong width.",
    Reason.RESERVED_ID: "An account or a prompt is called as only planted ones are.",
    Reason.ERASED: "`shoal erase` took the account out; the row keeps no id. The source should stop sending it.",
    Reason.UNREADABLE_FILE: "Damaged, cut short, or a decompression bomb. The whole file is left out.",
}
_TIERS: Mapping[Tier, str] = {
    Tier.ACTIONABLE: "Two independent groups of facts about the accounts speak, chance is ruled out over all "
    "campaigns of the day, the slots are dealt out, and nothing explains it. A person decides; nothing is "
    "done by itself.",
    Tier.REVIEW: "Chance is ruled out for what the accounts have in common, or they send little else. A "
    "person must look.",
    Tier.BENIGN: "Explained: one customer's own template, a text that people copy, topics that are the "
    "accounts' own, an allow-list entry. Or nothing about the accounts differs from ordinary ones.",
}
_LACKS: Sequence[tuple[str, str]] = (
    (
        "groups of facts",
        "fewer than `tier.action_groups` groups speak at `tier.group_p`, or chance is not ruled out at `tier.q`",
    ),
    (
        "dealt-out slots",
        "too few accounts sent two prompts on these days together, or it is not shown that slots are no "
        "account's own",
    ),
    ("words in the slots", "the median prompt puts fewer than `tier.slot_words` words into the template"),
    ("organizations", "no account of the day has an `organization_id`"),
    (
        "several payers",
        "one card pays for `tier.one_tenant_share` of the accounts: they may be one customer's",
    ),
    (
        "several places",
        "nearly all accounts are in one network, or in one country that few others are in, and no cards are shared",
    ),
    ("a template of its own", "the template matches prompts of others too, see `matchers.parquet`"),
)
_GROUPS: Mapping[Group, str] = {
    Group.CONTENT: "what the prompts say; may explain, and never accuses",
    Group.VOLUME: "how little else the accounts send; `review` at most",
    Group.EVENNESS: "how evenly the prompts fall on the accounts",
    Group.TIMING: "when the accounts are there",
    Group.REGISTRATION: "when the accounts were made",
    Group.INFRASTRUCTURE: "networks, address ranges, payment cards",
    Group.GRAPH: "where else the accounts meet",
    Group.CLIENT: "the client software; comes with the tool that sends the template",
}
_CONTROLS = {
    "place": "as many ordinary accounts of the same countries and volumes",
    "age": "as many ordinary accounts of the same ages and volumes",
    "none": "none: described, not tested",
}
_SIGNALS: Mapping[Group, Mapping[str, tuple[str, str]]] = {
    Group.CONTENT: {
        "template rigidity": ("part of a prompt's words that are template", _CONTROLS["none"]),
        "slot uniqueness": ("distinct texts per prompt", _CONTROLS["none"]),
        "bare prompts": ("part of the prompts that put nothing into the template", _CONTROLS["none"]),
        "slot partition": ("part of the prompts that repeat another account's", "a list dealt out evenly"),
        "slot topics": (
            "how often a prompt is more like another of its account than like a stranger's, over the "
            "trailing days; small p: topics of their own",
            "slots that are dealt out; p by PERMANOVA, with the accounts' labels permuted",
        ),
        "evasion marks": (
            "disguised or invisible characters per 1,000 tokens",
            "as many ordinary texts of the same languages",
        ),
    },
    Group.VOLUME: {
        "other traffic": (
            "rank of what the accounts send besides; 0.5 is anybody",
            "senders of as many prompts at random",
        ),
    },
    Group.EVENNESS: {
        "evenness": (
            "variance over mean of prompts per account",
            "prompts dealt at random; small values count",
        ),
    },
    Group.TIMING: {
        "shared clock": ("Watson's U² between the accounts' hours and the usual ones", _CONTROLS["place"]),
        "synchrony": (
            "pairs of accounts within the same ten minutes",
            "the accounts' days shifted against each other",
        ),
        "active days": (
            "probability that two accounts were there on the same trailing days",
            _CONTROLS["age"],
        ),
        "hand-over": (
            "accounts never seen before, where those of the campaign's last day stayed away",
            f"{_CONTROLS['age']}, and what part of ordinary accounts came back",
        ),
    },
    Group.REGISTRATION: {
        "made together": ("part of the accounts made within 24 hours", _CONTROLS["age"]),
        "times of making": (
            "Kolmogorov-Smirnov distance of the times of making from the usual ones",
            _CONTROLS["place"],
        ),
    },
    Group.INFRASTRUCTURE: {
        "networks": ("triples of accounts in one ASN, by its rarity", _CONTROLS["place"]),
        "address ranges": ("the same for address ranges", _CONTROLS["place"]),
        "payment cards": ("the same for payment cards", _CONTROLS["place"]),
    },
    Group.GRAPH: {
        "shared accounts": (
            "accounts that are in another family or wording too",
            "each account's other prompts fall on families by their size",
        ),
        "met before": (
            "accounts that worked for one other suspected campaign on the trailing days",
            _CONTROLS["place"],
        ),
    },
    Group.CLIENT: {
        "client software": ("triples of accounts with one client version, by its rarity", _CONTROLS["place"]),
    },
}
_FACTS: Mapping[str, str] = {
    "other traffic": "rank of what it sends besides, in fifths",
    "prompts": "how often it sent the template: once, twice, three or four times, more",
    "made together": "how many of the others were made within a day of it",
    "address range": "how many of the others have its address range",
    "payment card": "how many of the others have its card",
    "network": "how much commoner its network is among the others than outside",
    "client": "the same for its client",
    "age": "under two weeks, a quarter, a year, older, unknown",
    "organization": "whether it belongs to one",
    "other campaigns": "in how many other suspected campaigns of the day it is: none, one, more",
    "days before": "whether it sent the campaign's template on a day before",
}
_SHAPES: Mapping[Shape, str] = {
    Shape.TRAFFIC: "the columns above; told by having no other shape's marks",
    Shape.CHAT: "a logged OpenAI or Anthropic request body: `messages` and no `prompt`",
    Shape.OTEL: "an OpenTelemetry GenAI span or OTLP/JSON export: `resourceSpans`, or `attributes` and a span id",
    Shape.LITELLM: "a row of LiteLLM's spend log: `request_id` and `startTime`",
}


def reference() -> str:
    """The whole page."""
    parts = (_commands(), _settings(), _traffic(), _results(), _quarantine(), _exit_codes())
    return "\n".join([_HEAD, *(line for part in parts for line in part)]).rstrip() + "\n"


# -- commands ------------------------------------------------------------------------------------------

_SPOKEN = re.compile(r"(?<=\S) {2,}(?=\S)")
"""What parts an example from its explanation."""


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    yield "Data goes to stdout, talk to stderr. Options of `shoal` itself stand before the command.\n"
    yield from _command(typer.main.get_command(app), ("shoal",))


def _command(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    yield f"### `{' '.join(path)}`\n"
    text, _, examples = (command.help or "").partition(EXAMPLES)
    yield text.strip() + "\n"
    yield "```bash\n" + _SPOKEN.sub("  # ", inspect.cleandoc(examples)) + "\n```\n"
    shown = [parameter for parameter in command.params if not parameter.hidden]
    if shown:
        yield from _table(("name", "value", "default", ""), (_parameter(p) for p in shown))
    for name, inner in getattr(command, "commands", {}).items():
        yield from _command(inner, (*path, name))


def _parameter(parameter: Any) -> tuple[str, ...]:
    is_option = parameter.param_type_name == "option"
    names = ", ".join(f"`{name}`" for name in parameter.opts) if is_option else f"`{_metavar(parameter)}`"
    default = "required" if parameter.required else _default(parameter)
    return names, _value(parameter) if is_option else "", default, parameter.help or ""


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _value(parameter: Any) -> str:
    if parameter.is_flag:
        return ""
    choices = _choices(parameter.type_descriptor.annotation)
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if parameter.metavar:
        return str(parameter.metavar)
    return {str: "TEXT", int: "NUMBER"}.get(parameter.type_descriptor.annotation, "")


def _default(parameter: Any) -> str:
    value = parameter.default
    return "" if value in (None, "", False) or callable(value) else f"`{value}`"


# -- settings ------------------------------------------------------------------------------------------


def _settings() -> Iterator[str]:
    yield "## Settings\n"
    yield (
        f"From `{CONFIG_FILE}` in the working folder (or the file that `--config` or `{CONFIG_VARIABLE}` names), "
        f"over that from the environment, over that from flags (`--set KEY=VALUE`). The variable of a key is "
        f"`{PREFIX}` and the key in capitals with `{NESTED}` for each dot: `{_variable('embedding.batch_size')}`. "
        f"Unknown keys are errors. Secrets ({', '.join(f'`{key}`' for key in sorted(SECRETS))}) are read from the "
        f"environment or the file and never from flags.\n"
    )
    model = Settings()
    plain = {name: info for name, info in _fields(model) if not isinstance(getattr(model, name), BaseModel)}
    yield from _settings_table(model, plain, "")
    for name, _ in _fields(model):
        if isinstance(section := getattr(model, name), BaseModel):
            yield f"### {name}\n"
            yield from _settings_table(section, dict(_fields(section)), f"{name}.")


def _settings_table(model: BaseModel, fields: Mapping[str, FieldInfo], prefix: str) -> Iterator[str]:
    rows = (
        (f"`{prefix}{name}`", _shown(getattr(model, name)), _allowed(info), info.description or "")
        for name, info in fields.items()
    )
    yield from _table(("key", "default", "allowed", ""), rows)


def _fields(model: BaseModel) -> list[tuple[str, FieldInfo]]:
    return list(type(model).model_fields.items())


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", NESTED)


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "" if value == "" else f"`{value}`"


def _allowed(info: FieldInfo) -> str:
    choices = _choices(info.annotation)
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = ((name, getattr(bound, name, None)) for bound in info.metadata for name in signs)
    return ", ".join(f"{signs[name]} {limit}" for name, limit in found if limit is not None)


# -- columns -------------------------------------------------------------------------------------------


def _traffic() -> Iterator[str]:
    yield "## Traffic\n"
    endings = {kind: [ending for ending, of in KINDS.items() if of is kind] for kind in Kind}
    listed = "; ".join(f"{kind} ({', '.join(f'`{e}`' for e in found)})" for kind, found in endings.items())
    packed = " or ".join(f"`{ending}`" for ending in COMPRESSIONS)
    yield (
        f"One row is one prompt. A file, a folder, a glob or a URL that fsspec knows. Formats: {listed}; the "
        f"text formats also with {packed}. Unknown columns are kept aside in the run's `extras.parquet`, as text "
        f"and as they are: they get no pseudonyms.\n"
    )
    rows = (
        (
            f"`{field.name}`",
            _type(field.type),
            "required" if field.name in REQUIRED_COLUMNS else "",
            meaning,
        )
        for field, meaning in _meant("traffic", TRAFFIC)
    )
    yield from _table(("column", "type", "", ""), rows)
    kinds = ", ".join(f"`{column}` (`{prefix}_…`)" for column, prefix in PSEUDONYM_KINDS.items())
    yield f"With `{_variable('secret_key')}` set, these become pseudonyms: {kinds}.\n"
    yield "### Shapes\n"
    yield "`--format` says how every file is read; `auto` looks at the first record of each file.\n"
    shapes = (
        (
            f"`{shape}`",
            text,
            ", ".join(f"`{name}`" for name in ACCOUNT_FIELDS.get(shape, ("account_id",))),
        )
        for shape, text in _complete(_SHAPES, Shape)
    )
    yield from _table(("shape", "one record is", "account, the first that is filled"), shapes)


def _results() -> Iterator[str]:
    yield "## Results\n"
    yield (
        "A published run is the folder `runs/DAY/ATTEMPT` below the home. It holds these files, what the stages "
        "left for each other, and `manifest.json`. `shoal run --out DIR` copies the files below to a folder of "
        "yours.\n"
    )
    for name, (schema, text, order) in _OUTPUTS.items():
        yield f"### {name}\n"
        yield f"{text} Sorted by {order}.\n"
        rows = (
            (f"`{field.name}`", _type(field.type), "may be null" if field.nullable else "", meaning)
            for field, meaning in _meant(name, schema)
        )
        yield from _table(("column", "type", "", ""), rows)
    yield "### manifest.json\n"
    yield from _table(("key", ""), ((f"`{key}`", text) for key, text in _MANIFEST.items()))
    yield "### Stages\n"
    yield "The manifest has an entry for each, in this order: files with SHA-256, counts, seconds.\n"
    yield from _table(("name", ""), ((f"`{name}`", text) for name, text in STAGES.items()))
    yield "### Tiers\n"
    yield from _table(("tier", ""), ((f"`{tier}`", text) for tier, text in _complete(_TIERS, Tier)))
    yield from _judging()
    yield "### Objectives\n"
    yield "What a family is after, as far as its wording says: " + ", ".join(Objective) + ".\n"


def _judging() -> Iterator[str]:
    """Tiers, what they rest on, and the strength of an account."""
    yield (
        "For the analyst's view of all this see [evidence](evidence.md). A campaign that is odd stays "
        "`review` as long as one of these is missing; its reasons name which:\n"
    )
    yield from _table(("missing", "when"), _LACKS)
    yield "### Signals\n"
    counted = ", ".join(f"`{group}`" for group in COUNTED)
    yield (
        "Each row of [evidence.parquet](#evidenceparquet) is a signal of a group. Only these groups can make "
        f"a campaign `actionable`: {counted}. A signal whose columns are absent, or that has too few accounts, "
        "is not tested and speaks against nobody.\n"
    )
    rows = (
        (f"`{name}`", group, what, control)
        for group in Group
        for name, (what, control) in _SIGNALS[group].items()
    )
    yield from _table(("signal", "group", "figure", "compared with"), rows)
    yield from _table(
        ("group", "tells"),
        ((f"`{group}`", text) for group, text in _complete(_GROUPS, Group) if _SIGNALS[group]),
    )
    yield "### Strength\n"
    yield (
        "The probability that an account belongs to the pool, from a mixture of two kinds of accounts: "
        "ordinary ones, and the campaign's own, learned by expectation and maximisation. It starts at "
        f"{PRIOR}, or at {WARY_PRIOR} where chance is not ruled out for the campaign's accounts at `tier.q`. "
        "Each fact then adds to the log odds:\n"
    )
    yield from _table(("fact", ""), _complete(_FACTS, FACTS))


def _meant(name: str, schema: pa.Schema) -> list[tuple[pa.Field, str]]:
    """Each column with its meaning; both sides must be complete."""
    meanings = _MEANINGS[name]
    if list(meanings) != schema.names:
        raise KeyError(f"the meanings of {name} do not match its columns {schema.names}")
    return [(field, meanings[field.name]) for field in schema]


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    return "timestamp, UTC" if pa.types.is_timestamp(kind) else str(kind)


# -- reasons and codes ---------------------------------------------------------------------------------


def _quarantine() -> Iterator[str]:
    yield "## Quarantine reasons\n"
    yield (
        "The first check that fails names the reason. In = accepted + copies + quarantined, exactly. A run stops "
        "when more than `ingest.max_quarantine_share` of its rows are set aside.\n"
    )
    yield from _table(
        ("reason", "means"), ((str(reason), text) for reason, text in _complete(_REASONS, Reason))
    )


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "An error says what, where and what to do next, on stderr. `--debug` adds a traceback.\n"
    rows = [("0", "", "all went well"), ("1", "", "an error that nobody foresaw; please report it")]
    rows += [(code, f"`{name}`", text) for name, code, text in error_tree()]
    rows.append((str(READER_GONE), "", "the reader of a pipe, such as `head`, left before the end"))
    yield from _table(("code", "error", ""), rows)


def error_tree() -> list[tuple[str, str, str]]:
    """(class, exit code, meaning) of every error, from the tree drawn in `campaigns.errors`.

    Raises:
        ValueError: the drawing does not show the classes and codes that are there.
    """
    drawn = re.findall(r"[├└]── (\w+) +(\d+) +(.+)", errors.__doc__ or "")
    classes = {
        name: str(value.exit_code)
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.ShoalError) and value is not errors.ShoalError
    }
    if {name: code for name, code, _ in drawn} != classes:
        raise ValueError("the tree of errors does not match the classes")
    return drawn


# -- helpers -------------------------------------------------------------------------------------------


def _complete(texts: Mapping[Any, str], every: Iterable[Any]) -> list[tuple[Any, str]]:
    """The texts in the order of `every`; one that is missing is an error."""
    return [(member, texts[member]) for member in every]


def _choices(annotation: Any) -> list[str]:
    """Values of a `Literal`, also of one that may be None."""
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return _choices(kinds[0]) if len(kinds) == 1 else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
