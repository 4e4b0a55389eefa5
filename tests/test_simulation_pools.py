"""Accounts: what leaks is shared, what does not is ordinary; clocks and volumes are what they are called."""

import ipaddress
from collections import Counter
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation.clocks import CLOCKS, DAY_MICROSECONDS, shares, times
from simulation.draws import Draws, stream
from simulation.networks import AT_HOME, COUNTRIES, HOMES, country, network
from simulation.parts import Leak
from simulation.pools import Account, Group, Habits, pool_habits
from simulation.prose import LANGUAGES

OPENED = date(2026, 1, 5)
HOUR = DAY_MICROSECONDS // 24


def pool(*leaks: Leak, generation: int = 0, count: int = 40) -> list[Account]:
    group = Group("pool", pool_habits(leaks, generation=generation), generation, OPENED)
    return [group.account(7, index, "en") for index in range(count)]


def created(accounts: list[Account]) -> np.ndarray:
    return np.array([account.created for account in accounts]) / 3.6e9


def test_without_leaks_a_pool_looks_ordinary() -> None:
    accounts = pool()
    assert len({a.asn for a in accounts}) > 15
    assert len({a.user_agent for a in accounts}) > 15
    assert len({a.country for a in accounts}) > 8
    assert np.ptp(created(accounts)) > 24 * 100
    payments = [a.payment_fingerprint for a in accounts if a.payment_fingerprint]
    assert len(set(payments)) == len(payments)
    assert len({a.account_id for a in accounts}) == len(accounts)


def test_each_leak_shares_its_column_and_no_other() -> None:
    assert np.ptp(created(pool("creation"))) <= 30
    assert len({a.asn for a in pool("asn")}) == 1
    ranges = {ip.rsplit(".", 1)[0] for a in pool("ip_range") for ip in a.ips}
    assert len(ranges) == 1
    assert len({a.asn for a in pool("ip_range")}) > 10
    assert len({a.payment_fingerprint for a in pool("payment")}) == 5
    assert len({a.user_agent for a in pool("ua")}) == 1
    assert len({a.models for a in pool("model")}) == 1
    assert len({a.asn for a in pool("payment", "ua", "model", "creation")}) > 10


def test_replacements_are_new_accounts_of_the_eve() -> None:
    before, after = pool("creation"), pool("creation", generation=1)
    assert not {a.account_id for a in before} & {a.account_id for a in after}
    midnight = datetime(2026, 1, 5, tzinfo=UTC).timestamp() / 3600
    assert (midnight - created(after) <= 21).all()
    assert (created(after) < midnight).all()


def test_an_account_depends_on_its_index_only() -> None:
    group = Group("g", Habits(), 0, OPENED)
    assert [group.account(1, index, "en") for index in (3, 1)] == [
        group.account(1, index, "en") for index in (3, 1)
    ]
    assert group.account(1, 3, "en") != group.account(2, 3, "en")


def test_networks_name_nobody() -> None:
    reserved = (ipaddress.ip_network("240.0.0.0/4"), ipaddress.ip_network("2001:db8::/32"))
    for account in [*pool(count=150), *pool("asn", "ip_range"), *pool("ip_range")]:
        assert 64_512 <= account.asn <= 65_534
        for text in account.ips:
            address = ipaddress.ip_address(text)
            assert any(address in network for network in reserved if network.version == address.version)


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_four_in_five_live_where_their_language_is_spoken(spoken: str) -> None:
    draws = stream(4, "country", spoken)
    found = Counter(country(spoken, draws) for _ in range(4_000))
    homes = set(HOMES[spoken])
    at_home = sum(count for place, count in found.items() if place in homes)
    by_chance = sum(place in homes for place in COUNTRIES) / len(COUNTRIES)
    assert abs(at_home / 4_000 - (AT_HOME + (1 - AT_HOME) * by_chance)) < 0.03
    assert len({code for code, _ in found}) > 15


def test_every_country_has_access_networks_of_its_own() -> None:
    networks: dict[int, set[str]] = {}
    draws, roof = stream(1, "asn"), stream(1, "roof")
    codes = {code for places in (COUNTRIES, *HOMES.values()) for code, _ in places}
    for code in sorted(codes):
        for _ in range(200):
            networks.setdefault(network("city", code, roof, draws)[0], set()).add(code)
    assert {len(countries) for countries in networks.values()} == {1}
    assert max(networks) < 64_900


def test_some_unrelated_people_have_one_address() -> None:
    group = Group("organic", Habits(), 0, OPENED)
    users = Counter(ip for index in range(3_000) for ip in set(group.account(7, index, "en").ips))
    behind = [ip for ip, count in users.items() if count > 3]
    assert 5 < len(behind) < 400
    assert {ip.split(".")[2] for ip in behind} == {"255"}
    assert max(users.values()) < 60


def hours(clock: str, offset: int = 0, count: int = 4_000) -> np.ndarray:
    moments = np.array(times(clock, count, offset, stream(1, clock, offset + 20)))
    return np.bincount(moments // HOUR, minlength=24)


def test_people_sleep_and_pools_do_not() -> None:
    people, machines = hours("daily"), hours("round")
    assert people[2:5].sum() < 0.03 * people.sum()
    assert machines.min() > 0.6 * machines.mean()
    assert machines.max() < 1.4 * machines.mean()


def test_the_night_moves_with_the_country() -> None:
    home, abroad = hours("daily"), hours("daily", offset=9)
    assert np.corrcoef(np.roll(home, -9), abroad)[0, 1] > 0.97
    assert np.corrcoef(home, abroad)[0, 1] < 0.7


def test_offices_close_launches_are_the_same_everywhere_and_benchmarks_tick() -> None:
    assert hours("office")[[*range(7), *range(19, 24)]].sum() == 0
    assert (np.flatnonzero(hours("launch")) == np.flatnonzero(hours("launch", offset=9))).all()
    gaps = np.diff(times("nightly", 50, 5, stream(1, "n")))
    assert len(set(gaps.tolist())) == 1


@given(st.sampled_from(CLOCKS), st.integers(0, 300), st.integers(-12, 14), st.integers(0, 2**32 - 1))
def test_times_are_sorted_and_within_the_day(clock: str, count: int, offset: int, seed: int) -> None:
    moments = times(clock, count, offset, stream(seed))
    assert len(moments) == count
    assert moments == sorted(moments)
    assert all(0 <= moment < DAY_MICROSECONDS for moment in moments)


@given(
    st.integers(0, 5_000),
    st.integers(1, 300),
    st.sampled_from(["even", "uneven", "heavy"]),
    st.integers(0, 99),
)
def test_shares_add_up(total: int, accounts: int, volumes: str, seed: int) -> None:
    counts = shares(total, accounts, volumes, stream(seed))
    assert counts.sum() == total
    assert counts.min() >= 0
    if volumes == "even":
        assert np.ptp(counts) <= 1


def test_uneven_shares_are_overdispersed_and_heavy_ones_far_more() -> None:
    def dispersion(volumes: str) -> float:
        """Mean over draws of variance / mean, of 100 accounts with 10 prompts on average."""
        draws = [shares(1_000, 100, volumes, stream(seed)) for seed in range(40)]
        return float(np.mean([counts.var() / counts.mean() for counts in draws]))

    variance_of_shares = np.exp(0.8**2) - 1  # of a log-normal, over its squared mean
    assert dispersion("uneven") == pytest.approx(1 + 10 * variance_of_shares, rel=0.15)
    assert dispersion("heavy") > 2 * dispersion("uneven")
    assert (shares(1_000, 100, "uneven", stream(3)) == 0).mean() < 0.05


@pytest.mark.parametrize("name", [("a",), ("a", 1), ("a", 1, "b")])
def test_streams_are_reproducible_and_apart(name: tuple[str | int, ...]) -> None:
    def first(draws: Draws) -> list[float]:
        return [draws.uniform() for _ in range(600)]

    assert first(stream(1, *name)) == first(stream(1, *name))
    assert first(stream(1, *name)) != first(stream(2, *name))
    assert first(stream(1, *name)) != first(stream(1, *name, "c"))


def test_draws_are_uniform() -> None:
    draws = stream(3, "uniform")
    counts = Counter(draws.below(10) for _ in range(20_000))
    assert min(counts.values()) > 1_850
    assert max(counts.values()) < 2_150
    assert sorted(draws.shuffled(range(50))) == list(range(50))
    assert {draws.between(2, 4) for _ in range(100)} == {2, 3, 4}
