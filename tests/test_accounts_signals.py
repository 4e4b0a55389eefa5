"""Signals of accounts: under their null p-values are uniform, planted pools are found as often as is said here.

Under the null a family's accounts are drawn at random from the population, its prompts are dealt at random and its days
are independent. Every share is of simulated families with fixed seeds; what is measured stands beside what is asserted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from accounts_cases import (
    Family,
    compared,
    day_profile,
    dealt,
    leaking,
    members_of,
    nothing_known,
    only_case,
    ordinary_of,
    population,
)
from numpy.typing import NDArray
from scipy.stats import ks_2samp, kstest

from accounts import evidence
from accounts.case import cases
from accounts.controls import MOST_ACCOUNTS, p_lower
from accounts.meetings import overlaps
from accounts.ordinary import Compared
from accounts.population import Population
from accounts.signals import volume
from accounts.signals.graph import Meeting, read_graph
from accounts.signals.infrastructure import concentration, most_shared, rarity, read_infrastructure
from accounts.signals.reading import Reading
from accounts.signals.registration import most_in_window, read_registration, spread
from accounts.signals.timing import clock_distance, read_timing, together
from accounts.signals.volume import dealt_at_random, dispersion, percentile_besides, read_volume

LEVELS = (0.01, 0.05, 0.1, 0.25)
Change = Callable[[Population, NDArray[np.int64]], Population]


def assert_uniform(p_values: Sequence[float] | NDArray[np.float64]) -> None:
    assert kstest(p_values, "uniform").pvalue > 0.001


def assert_valid(p_values: Sequence[float] | NDArray[np.float64], slack: float = 1.0) -> None:
    """P(p <= a) <= a, but for Monte Carlo error, times `slack`."""
    found = np.array(p_values)
    for level in LEVELS:
        error = np.sqrt(level * (1 - level) / len(found))
        assert np.mean(found <= level) <= slack * level + 3 * error


def read_all(people: Population, beside: Compared) -> list[Reading]:
    """Signals of infrastructure and registration, by no text and no prompt."""
    outside = np.setdiff1d(np.arange(len(people)), beside.rows[0])
    rarities = [rarity(people.networks[:, column], outside) for column in range(4)]
    usual = people.created[outside]
    usual = np.sort(usual[~np.isnan(usual)])
    return [
        *read_infrastructure(people, beside, rarities),
        *read_registration(people.created, beside, usual),
    ]


def read_clock(people: Population, rows: NDArray[np.int64], beside: Compared, seed: int) -> Reading:
    rng = np.random.default_rng(seed)
    case = only_case(members_of(people, [dealt(rows, 1, rng)]))
    return read_timing(case, people.hours, beside, rng)[0]


@cache
def simulated(
    n: int, m: int, n_families: int, n_countries: int, change: Change | None = None
) -> dict[str, list[float]]:
    """p-values by signal of families of `m` accounts among `n`, each in a population of its own."""
    found: dict[str, list[float]] = {}
    for seed in range(n_families):
        rng = np.random.default_rng(1_000 + seed)
        people = population(n, seed, n_countries=n_countries)
        rows = np.sort(rng.choice(n, m, replace=False)).astype(np.int64)
        if change is not None:
            people = change(people, rows)
        beside = compared(people, rows, rng)
        for reading in (*read_all(people, beside), read_clock(people, rows, beside, seed)):
            found.setdefault(reading.signal, []).append(reading.p_value)
    return found


# -- the null ------------------------------------------------------------------------------------------

CONTINUOUS = ("times of making", "shared clock")
FINE = ("networks", "client software")
COARSE = ("address ranges", "payment cards", "made together")
"""Hardly ever do three accounts at random meet in any value, or more than a few on a day: most p-values are 1."""


@pytest.mark.parametrize("signal", [*CONTINUOUS, *FINE, *COARSE])
@pytest.mark.parametrize(("n", "n_countries"), [(600, 6), (150, 1)], ids=["ample", "scarce"])
def test_accounts_at_random_show_nothing(signal: str, n: int, n_countries: int) -> None:
    p_values = simulated(n, 30, 300, n_countries)[signal]
    # Of four others per account some classes are too small, and their accounts are compared with others.
    assert_valid(p_values, slack=1.0 if n == 600 else 1.5)
    if signal in CONTINUOUS:
        assert_uniform(p_values)
    if signal in FINE:
        assert np.mean(np.array(p_values) <= 0.25) > 0.18


def shown_minutes(
    senders: NDArray[np.int64], n_countries: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A minute for each prompt, by the day and night of its sender's country."""
    profile = day_profile(np.arange(n_countries, dtype=np.int32)).cumsum(axis=1)
    country = rng.integers(0, n_countries, int(senders.max()) + 1)[senders]
    hour = (rng.random(len(senders))[:, None] > profile[country]).sum(axis=1).clip(max=23)
    minutes: NDArray[np.float64] = 60 * hour + rng.uniform(0, 60, len(senders))
    return minutes


@pytest.mark.parametrize(("n_accounts", "per_account", "n_countries"), [(30, 3, 6), (200, 3, 1), (600, 3, 1)])
def test_independent_days_are_not_in_step(n_accounts: int, per_account: int, n_countries: int) -> None:
    """The common day of one country alone is no synchrony; unless the blur is given back 15 % of the largest families
    are beyond the 1 % point."""
    senders = np.repeat(np.arange(n_accounts), per_account)
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        pairs, shifted = together(senders, shown_minutes(senders, n_countries, rng), 99, rng)
        p_values.append((1 + np.count_nonzero(shifted >= pairs)) / 100)
    assert_valid(p_values, slack=1.2)
    assert np.mean(np.array(p_values) <= 0.25) > 0.15


@pytest.mark.parametrize(("n_accounts", "mean"), [(10, 2), (30, 3), (200, 4)])
def test_prompts_dealt_at_random_are_not_even(n_accounts: int, mean: int) -> None:
    p_values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        counts = 1 + rng.multinomial(n_accounts * (mean - 1), np.full(n_accounts, 1 / n_accounts))
        p_values.append(p_lower(float(dispersion(counts)), dealt_at_random(counts, 199, rng)))
    assert_valid(p_values)
    assert np.mean(np.array(p_values) <= 0.25) > (0.1 if n_accounts == 10 else 0.18)


@pytest.mark.parametrize("n_prompts", [30, 100, 400])
def test_senders_of_any_prompts_send_what_anybody_sends(
    monkeypatch: pytest.MonkeyPatch, n_prompts: int
) -> None:
    """Large senders send a phrase several times: if each counted as often, 30 % were beyond the 1 % point at 400."""
    monkeypatch.setattr(volume, "DRAWS", 9)
    p_values = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        people = population(1_000 if n_prompts < 400 else 4_000, seed % 4)
        sender = np.repeat(np.arange(len(people)), people.n_prompts)
        accounts = rng.choice(sender, n_prompts, replace=False)
        case = only_case(members_of(people, [Family(accounts, [str(i) for i in range(n_prompts)])]))
        readings, _ = read_volume(case, rng)
        p_values.append(readings[1].p_value)
    assert_valid(p_values, slack=1.2)
    assert_uniform(p_values)


@pytest.mark.parametrize("n_texts", [30, 300])
def test_ordinary_texts_have_ordinary_marks(monkeypatch: pytest.MonkeyPatch, n_texts: int) -> None:
    """Many texts are compared with draws of 200, which vary more: there the test is conservative."""
    monkeypatch.setattr(evidence, "DRAWS", 199)
    people = population(200)
    members = members_of(people, [Family(np.arange(n_texts) % 200, [f"text {i}" for i in range(n_texts)])])
    p_values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        usual, own = (rng.poisson(0.3, n) * rng.exponential(5, n) for n in (3_000, n_texts))
        case = only_case(replace(members, marks=own))
        p_values.append(evidence._marks(case, ordinary_of(case.members, usual), rng).p_value)
    assert_valid(p_values)
    if n_texts < 200:
        assert_uniform(p_values)


def test_families_of_anybodys_prompts_share_no_more_than_their_senders_explain() -> None:
    """The larger of two expectations and whole numbers: the test is conservative."""
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        people = population(1_500, seed % 3)
        sender = np.repeat(np.arange(len(people)), people.n_prompts)
        some = rng.choice(sender, 300, replace=False)
        families = [Family(some[:150], ["one"] * 150), Family(some[150:], ["two"] * 150)]
        found = overlaps(cases(members_of(people, families), np.arange(2)))
        p_values.append(float(np.exp(found[0].log_p)) if found else 1.0)
    assert_valid(p_values)
    assert np.mean(np.array(p_values) <= 0.25) > 0.05


# -- power ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leak:
    """What a pool leaks: keywords of `leaking`, of its first `accounts` accounts."""

    accounts: int
    made_within: float | None = None
    accounts_per_card: int | None = None
    accounts_per_range: int | None = None
    one_client: bool = False
    round_the_clock: bool = False
    n_prompts: int | None = None

    def __call__(self, people: Population, rows: NDArray[np.int64]) -> Population:
        kwargs = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "accounts"}
        return leaking(people, rows[: self.accounts], seed=int(rows.sum()), **kwargs)


NEVER_ASLEEP: dict[str, Any] = {"round_the_clock": True, "n_prompts": 3}
POWER = [
    # Signal, leak, accounts of the family, countries; least and most of the families with p <= 0.01 (and as measured).
    ("made together", Leak(8, made_within=1), 30, 6, 0.95, 1.0),  # 1.00
    ("made together", Leak(5, made_within=1), 30, 6, 0.7, 1.0),  # 0.92
    ("made together", Leak(3, made_within=1), 30, 6, 0.0, 0.3),  # 0.12
    ("times of making", Leak(15, made_within=1), 30, 6, 0.95, 1.0),  # 1.00
    ("times of making", Leak(5, made_within=1), 30, 6, 0.0, 0.2),  # 0.04
    ("payment cards", Leak(40, accounts_per_card=8), 40, 6, 1.0, 1.0),  # 1.00
    ("payment cards", Leak(3, accounts_per_card=3), 40, 6, 0.95, 1.0),  # 1.00: one triple in forty
    ("payment cards", Leak(40, accounts_per_card=2), 40, 6, 0.0, 0.05),  # 0.00: couples are no triples
    ("address ranges", Leak(40, accounts_per_range=4), 40, 6, 1.0, 1.0),  # 1.00
    ("client software", Leak(30, one_client=True), 30, 6, 1.0, 1.0),  # 1.00
    ("shared clock", Leak(40, **NEVER_ASLEEP), 40, 1, 0.95, 1.0),  # 1.00
    ("shared clock", Leak(10, **NEVER_ASLEEP), 10, 1, 0.5, 0.9),  # 0.72
    ("shared clock", Leak(5, round_the_clock=True, n_prompts=1), 5, 1, 0.0, 0.5),  # 0.28
    # Six countries together hardly have a night.
    ("shared clock", Leak(40, **NEVER_ASLEEP), 40, 6, 0.0, 0.4),  # 0.20
]


@pytest.mark.parametrize(("signal", "leak", "m", "n_countries", "least", "most"), POWER)
def test_planted_pools_are_found_as_often_as_said(
    signal: str, leak: Leak, m: int, n_countries: int, least: float, most: float
) -> None:
    p_values = simulated(1_000, m, 25, n_countries, leak)[signal]
    assert least <= np.mean(np.array(p_values) <= 0.01) <= most


@pytest.mark.parametrize("signal", ["payment cards", "made together"])
def test_pools_are_found_where_there_are_only_four_others_per_account(signal: str) -> None:
    """A fifth of the controls are of the pool itself."""
    leak = Leak(40, made_within=1, accounts_per_card=8)
    assert np.mean(np.array(simulated(200, 40, 20, 6, leak)[signal]) <= 0.01) == 1.0


@pytest.mark.parametrize(
    ("n_batches", "minutes", "least", "most"),
    [
        (20, 10.0, 0.95, 1.0),  # twenty batches of ten accounts within ten minutes
        (10, 10.0, 0.7, 1.0),
        (20, 120.0, 0.0, 0.6),  # within two hours: hardly shorter than the shifts
    ],
)
def test_batches_are_in_step(n_batches: int, minutes: float, least: float, most: float) -> None:
    """Sixty accounts with five prompts each; what is in no batch is at any minute."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        senders, at = np.repeat(np.arange(60), 5), rng.uniform(0, 1440, 300)
        for batch in range(n_batches):
            some = rng.choice(300, 10, replace=False)
            at[some] = 60 + 1300 * (batch + rng.random()) / n_batches + rng.uniform(0, minutes, 10)
        pairs, shifted = together(senders, at, 199, rng)
        found.append((1 + np.count_nonzero(shifted >= pairs)) / 200 <= 0.01)
    assert least <= np.mean(found) <= most


@pytest.mark.parametrize(("n_accounts", "each", "found"), [(30, 3, True), (10, 3, True), (5, 2, False)])
def test_the_same_number_for_all_is_even(n_accounts: int, each: int, found: bool) -> None:
    """What five accounts with two prompts each show is no proof: dealt at random they are often as even."""
    counts = np.full(n_accounts, each)
    p_value = p_lower(float(dispersion(counts)), dealt_at_random(counts, 999, np.random.default_rng(0)))
    assert (p_value <= 0.01) == found


@pytest.mark.parametrize(("cover", "found"), [(0, True), (1, True), (60, False)])
def test_a_pool_without_much_cover_sends_little_else(cover: int, found: bool) -> None:
    """Thirty accounts with three prompts each. Sixty others each are more than what the sender of any prompt sends."""
    rng = np.random.default_rng(3)
    rows = np.arange(30)
    people = leaking(population(2_000, 3), rows, n_prompts=3 + cover)
    readings, heavy = read_volume(only_case(members_of(people, [dealt(rows, 3, rng)])), rng)
    assert (readings[1].p_value <= 1e-4) == found
    assert not heavy


def test_few_who_send_most_are_heavy() -> None:
    rng = np.random.default_rng(4)
    senders = np.r_[np.repeat([0, 1], 60), np.arange(2, 30)]
    case = only_case(members_of(population(500), [Family(senders, [str(i) for i in range(len(senders))])]))
    readings, heavy = read_volume(case, rng)
    assert heavy
    assert readings[0].value > 10
    assert readings[0].p_value == 1.0


# -- oracles -------------------------------------------------------------------------------------------


def test_concentration_is_a_sum_over_triples() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(-1, 4, 40).astype(np.int32)
    weights = rng.random(4)
    rows = np.array([np.sort(rng.choice(40, 11, replace=False)) for _ in range(5)])
    for group, found in zip(codes[rows], concentration(codes, rows, weights), strict=True):
        known = group[group >= 0].tolist()
        triples = list(permutations(known, 3))
        meet = sum(weights[a] for a, b, c in triples if a == b == c)
        assert found == pytest.approx(meet / len(triples))


def test_two_known_values_are_no_triple() -> None:
    codes = np.array([0, 0, -1, -1], np.int32)
    assert np.isnan(concentration(codes, np.arange(4)[None], np.ones(1))).all()


def test_common_values_weigh_next_to_nothing() -> None:
    codes = np.array([0] * 98 + [1, 2], np.int32)
    weights = rarity(codes, np.arange(99))
    assert weights == pytest.approx([np.log(100 / 98), np.log(100), np.log(100)])


def test_most_in_window_by_brute_force() -> None:
    rng = np.random.default_rng(2)
    created = np.where(rng.random(60) < 0.2, np.nan, rng.integers(0, 40, 60) / 4)
    rows = np.array([rng.choice(60, 15, replace=False) for _ in range(8)])
    for group, found in zip(created[rows], most_in_window(created, rows), strict=True):
        known = group[~np.isnan(group)]
        most = max(np.count_nonzero((known >= first) & (known <= first + 1)) for first in known)
        assert found == pytest.approx(most / len(known))
    assert np.isnan(most_in_window(np.full(3, np.nan), np.arange(3)[None]))


@pytest.mark.parametrize("scale", [10, 25])
@pytest.mark.parametrize("step", [0.0, 5.0], ids=["any time", "dates"])
def test_spread_is_the_two_sample_distance(step: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    created, usual = rng.exponential(20, 30), np.sort(rng.exponential(scale, 200))
    if step:
        created, usual = (np.floor(some / step) for some in (created, usual))
    rows = np.array([rng.choice(30, 12, replace=False) for _ in range(6)])
    found = spread(created, rows, usual)
    assert found == pytest.approx([ks_2samp(created[group], usual).statistic for group in rows])


def test_spread_leaves_out_what_is_not_known() -> None:
    created, usual = np.array([1.0, np.nan, 3.0]), np.array([0.0, 2.0, 4.0])
    known = spread(created, np.array([[0, 2]]), usual)
    assert spread(created, np.array([[0, 1, 2]]), usual) == pytest.approx(known)


@pytest.mark.parametrize("hours", [1, 7, 23])
def test_where_the_day_begins_does_not_matter(hours: int) -> None:
    people = population(300, 5)
    rows = np.arange(60).reshape(3, 20)
    usual = people.hours[60:].mean(axis=0).astype(np.float64)
    turned = np.roll(people.hours, hours, axis=1)
    found = clock_distance(people.hours, rows, usual)
    assert clock_distance(turned, rows, np.roll(usual, hours)) == pytest.approx(found, rel=1e-4)


def test_clock_distance_is_the_variance_of_the_cumulated_difference() -> None:
    people = population(50, 6)
    usual = people.hours.mean(axis=0).astype(np.float64)
    apart = np.cumsum(people.hours[:10].astype(np.float64).mean(axis=0) - usual)
    assert clock_distance(people.hours, np.arange(10)[None], usual) == pytest.approx(24 * apart.var())


def test_pairs_in_step_by_brute_force() -> None:
    rng = np.random.default_rng(7)
    senders, minutes = rng.integers(0, 12, 80), rng.uniform(0, 1440, 80)
    active = {(int(minute // 10), int(sender)) for minute, sender in zip(minutes, senders, strict=True)}
    pairs = sum(1 for (one, a), (other, b) in combinations(sorted(active), 2) if one == other and a != b)
    assert together(senders, minutes, 9, rng)[0] == pairs


def test_a_percentile_is_of_prompts_by_what_their_sender_sends_besides() -> None:
    activity = np.array([1, 1, 2, 4, 8])
    besides = np.array([0, 1, 3, 7, 2, 100])
    others = np.repeat(activity - 1, activity)
    expected = [(np.mean(others < one) + np.mean(others <= one)) / 2 for one in besides]
    # One sender among many: whose next prompt it is goes by how much each sends.
    many = np.tile(activity, 500)
    assert percentile_besides(besides, many) == pytest.approx(expected, abs=2e-3)


def test_the_best_of_several_meetings_counts_once() -> None:
    meetings = [Meeting(3, 0.5, -6.0, 20), Meeting(1, 0.4, -1.0, 20)]
    assert read_graph(meetings, 5).p_value == pytest.approx(5 * np.exp(-6))
    assert read_graph(meetings, 10**6).p_value == 1.0
    assert read_graph([], 5).p_value == 1.0
    assert np.isnan(read_graph([], 0).p_value)


# -- what can go wrong ---------------------------------------------------------------------------------


def test_absent_columns_are_not_tested() -> None:
    people = nothing_known(population(300))
    rows = np.arange(20)
    readings = read_all(people, compared(people, rows, np.random.default_rng(0)))
    assert len(readings) == 6
    for reading in readings:
        assert np.isnan(reading.p_value)
        assert reading.sentence.startswith("Not tested: ")


def test_one_prompt_each_has_no_evenness() -> None:
    rng = np.random.default_rng(0)
    case = only_case(members_of(population(300), [dealt(np.arange(9), 1, rng)]))
    (evenness, devotion), heavy = read_volume(case, rng)
    assert np.isnan(evenness.p_value)
    assert 0 <= devotion.p_value <= 1
    assert not heavy


def test_a_population_of_one_account() -> None:
    rng = np.random.default_rng(0)
    people = population(1)
    readings, _ = read_volume(only_case(members_of(people, [dealt(np.array([0]), 4, rng)])), rng)
    assert all(np.isfinite(one.p_value) for one in readings)
    assert most_shared(people.networks[:, 0], np.array([0])) == (1, 1)


def test_a_giant_family_is_compared_by_some_of_its_accounts() -> None:
    rng = np.random.default_rng(0)
    people = population(6_000)
    rows = np.arange(2_000)
    members = members_of(people, [Family(rows, [f"text {i}" for i in rows])])
    beside = ordinary_of(members).compare(only_case(members), rng)
    assert beside is not None
    assert beside.rows.shape[1] == beside.by_age.shape[1] == MOST_ACCOUNTS


# -- absent countries ------------------------------------------------------------------------------------


def test_accounts_of_one_country_are_not_odd_where_countries_are_absent() -> None:
    """Controls from everywhere would make one country's clock and networks look like a pool's."""
    people = population(2_000, 5)
    rows = np.flatnonzero(people.country == 2)[:30]
    hidden = replace(people, country=np.full(len(people), -1, np.int32))
    beside = compared(hidden, rows, np.random.default_rng(1), n_draws=199)
    case = only_case(members_of(hidden, [dealt(rows, 2, np.random.default_rng(2))]))
    clock = read_timing(case, hidden.hours, beside, np.random.default_rng(3))[0]
    rarities = [rarity(hidden.networks[:, column], np.arange(30, 2_000)) for column in range(4)]
    networks = read_infrastructure(hidden, beside, rarities)[0]
    for reading in (clock, networks):
        assert np.isnan(reading.p_value)
        assert "countries" in reading.sentence
