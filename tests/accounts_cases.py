"""Populations, families and cases made of arrays, without a run or a file.

    people = population(2_000, seed=1)
    rows = np.arange(40)
    people = leaking(people, rows, made_within=1.0, accounts_per_card=8)
    members = members_of(people, [dealt(rows, 3, rng), Family(np.array([50, 51]), ("one text", "another"))])
    case = only_case(members)

An ordinary account's country gives its clock, its networks and its address ranges; its age, volume, card, client and
organization are drawn on their own. So groups of accounts drawn at random are the null of every signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from accounts.case import Case, cases
from accounts.controls import age_class, draw_controls, volume_class
from accounts.members import Members
from accounts.ordinary import Compared, Ordinary
from accounts.population import Population
from campaigns.records import text_key

TODAY = 20_000.0
"""Days since the epoch."""
ASN, RANGE, CARD, CLIENT = range(4)
N_COUNTRIES = 6


def population(n: int, seed: int = 0, *, n_countries: int = N_COUNTRIES, cards: float = 0.6) -> Population:
    """Ordinary accounts, ids `a00000`...; volumes from 1 to hundreds, ages from hours to four years.

    Args:
        cards: part of the accounts whose payment card is known; about one in fifty of them shares it with others.
    """
    rng = np.random.default_rng(seed)
    country = rng.integers(0, n_countries, n).astype(np.int32)
    n_prompts = np.ceil(rng.lognormal(0.7, 1.1, n)).astype(np.int64)
    age = rng.exponential(250, n).clip(0.01, 1_500)
    own = np.arange(n)
    asn = country * 5 + np.minimum(rng.geometric(0.45, n) - 1, 4)
    address_range = np.where(rng.random(n) < 0.3, n + asn * 8 + rng.integers(0, 8, n), own)
    card = np.where(rng.random(n) < 0.02, n + rng.integers(0, max(n // 200, 1), n), own)
    card = np.where(rng.random(n) < cards, card, -1)
    client = np.minimum(rng.geometric(0.3, n) - 1, 11)
    organization = np.where(rng.random(n) < 0.15, own, -1).astype(np.int32)
    return Population(
        ids=pl.Series("account_id", [f"a{i:05}" for i in range(n)]),
        n_prompts=n_prompts,
        age=age,
        created=TODAY - age,
        country=country,
        organization=organization,
        organization_names=_names(organization),
        networks=np.column_stack([asn, address_range, card, client]).astype(np.int32),
        hours=hours_of(n_prompts, day_profile(country), rng),
    )


def day_profile(country: NDArray[np.int32]) -> NDArray[np.float64]:
    """Part of the activity in each hour, float64 (n, 24): a day and a night, three hours later in the next country."""
    hour = (np.arange(24)[None, :] - 3.0 * country[:, None]) % 24
    busy = 1.02 - np.cos(2 * np.pi * (hour - 2) / 24)
    profile: NDArray[np.float64] = busy / busy.sum(axis=1, keepdims=True)
    return profile


def hours_of(
    n_prompts: NDArray[np.int64], profile: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Shares of each account's prompts by hour, float32 (n, 24), drawn from its profile."""
    counts = rng.multinomial(n_prompts, profile)
    shares: NDArray[np.float32] = (counts / counts.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def nothing_known(people: Population) -> Population:
    """The same accounts where every optional column is absent."""
    n = len(people)
    return replace(
        people,
        age=np.full(n, np.nan),
        created=np.full(n, np.nan),
        country=np.full(n, -1, np.int32),
        organization=np.full(n, -1, np.int32),
        organization_names=_names(np.full(n, -1)),
        networks=np.full((n, 4), -1, np.int32),
    )


def leaking(
    people: Population,
    rows: NDArray[np.int64],
    *,
    seed: int = 0,
    n_prompts: int | None = None,
    made_within: float | None = None,
    accounts_per_card: int | None = None,
    accounts_per_range: int | None = None,
    round_the_clock: bool = False,
    one_client: bool = False,
) -> Population:
    """The population with these accounts turned into a pool that leaks what is named.

    Args:
        n_prompts: what each sends in all; without cover traffic that is what it sends in its family.
        made_within: days within which all were made, last week.
    """
    rng = np.random.default_rng(seed)
    created, age = people.created.copy(), people.age.copy()
    networks, hours, volumes = people.networks.copy(), people.hours.copy(), people.n_prompts.copy()
    organization = people.organization.copy()
    organization[rows] = -1
    if n_prompts is not None:
        volumes[rows] = n_prompts
        hours[rows] = hours_of(volumes[rows], day_profile(people.country[rows]), rng)
    if made_within is not None:
        created[rows] = TODAY - 7 + rng.uniform(0, made_within, len(rows))
        age[rows] = TODAY - created[rows]
    for column, share in ((CARD, accounts_per_card), (RANGE, accounts_per_range)):
        if share is not None:
            fresh = int(networks[:, column].max()) + 1
            networks[rows, column] = fresh + np.arange(len(rows)) // share
    if one_client:
        networks[rows, CLIENT] = int(networks[:, CLIENT].max()) + 1
    if round_the_clock:
        hours[rows] = hours_of(volumes[rows], np.full((len(rows), 24), 1 / 24), rng)
    return replace(
        people,
        created=created,
        age=age,
        networks=networks,
        hours=hours,
        n_prompts=volumes,
        organization=organization,
        organization_names=_names(organization),
    )


def _names(organization: NDArray[np.int32]) -> pl.Series:
    return pl.Series("organization_id", [f"o{one}" if one >= 0 else None for one in organization], pl.String)


@dataclass(frozen=True)
class Family:
    """Prompts of one family: the sender of each (a row of the population), its text, its minute since midnight."""

    accounts: NDArray[np.int64]
    texts: Sequence[str]
    minutes: NDArray[np.float64] | None = None
    language: int = 0


def dealt(
    rows: NDArray[np.int64], per_account: int, rng: np.random.Generator, template: str = "sort {} by worth"
) -> Family:
    """A harvest: each account gets `per_account` prompts, each with three words of a list of its own."""
    n = len(rows) * per_account
    texts = [template.format(" ".join(f"w{k}" for k in rng.integers(0, 10_000, 3))) for _ in range(n)]
    return Family(np.repeat(rows, per_account), texts, rng.uniform(0, 1440, n))


def members_of(people: Population, families: Sequence[Family]) -> Members:
    """Members in the order in which `Members.read` has them. Accounts send at least what their families say."""
    accounts = np.concatenate([one.accounts for one in families]).astype(np.int64)
    family = np.repeat(np.arange(len(families)), [len(one.accounts) for one in families])
    sent = [text for one in families for text in one.texts]
    languages = np.repeat([one.language for one in families], [len(one.texts) for one in families])
    minutes = np.concatenate(
        [np.zeros(len(one.accounts)) if one.minutes is None else one.minutes for one in families]
    )
    texts, first, at = np.unique(np.array(sent, dtype=np.str_), return_index=True, return_inverse=True)
    order = np.lexsort((minutes, at, accounts, family))
    least = np.bincount(accounts, minlength=len(people))
    return Members(
        population=replace(people, n_prompts=np.maximum(people.n_prompts, least)),
        families=family[order].astype(np.int64),
        accounts=accounts[order],
        texts=at[order].astype(np.int64),
        minutes=minutes[order],
        prompts=pa.array(texts.tolist(), pa.string()),
        keys=pa.array([text_key(text) for text in texts.tolist()], pa.binary(16)),
        strengths=np.ones(len(texts), np.float32),
        languages=languages[first].astype(np.int8),
        marks=np.zeros(len(texts)),
    )


def only_case(members: Members) -> Case:
    """All families of `members` as one campaign."""
    return cases(members, np.zeros(members.n_families, np.int64))[0]


def ordinary_of(
    members: Members, marks: NDArray[np.float64] | None = None, languages: NDArray[np.int8] | None = None
) -> Ordinary:
    marks = np.zeros(100) if marks is None else marks
    return Ordinary(members, marks, np.zeros(len(marks), np.int8) if languages is None else languages)


def compared(
    people: Population,
    rows: NDArray[np.int64],
    rng: np.random.Generator,
    n_draws: int = 199,
    outside: NDArray[np.int64] | None = None,
) -> Compared:
    """Some accounts beside controls from all others, as `Ordinary.compare` does it."""
    if outside is None:
        outside = np.setdiff1d(np.arange(len(people)), rows)
    country, volume = people.country.astype(np.int64), volume_class(people.n_prompts)
    return Compared(
        rows[None],
        draw_controls(rows, outside, [country, volume], rng, n_draws),
        draw_controls(rows, outside, [age_class(people.age), volume], rng, n_draws),
    )
