"""From prompts to accounts: the commonest value, address ranges, what is absent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from accounts.population import NETWORKS, Population, _accounts, address_range
from accounts.words import words_of
from ingest.pseudonyms import pseudonym

DAY = datetime(2026, 3, 2, tzinfo=UTC)
Row = dict[str, object]


def prompts(*rows: Row) -> pl.DataFrame:
    """A table of prompts; what a row does not say is null."""
    time = pl.Datetime("us", "UTC")
    schema = {
        "account_id": pl.String, "created_at": time, "organization_id": pl.String, "ip": pl.String, "asn": pl.Int32,
        "country": pl.String, "payment_fingerprint": pl.String, "user_agent": pl.String, "account_created_at": time,
    }  # fmt: skip
    return pl.DataFrame([{"created_at": DAY, **row} for row in rows], schema=schema)


def read(*rows: Row) -> Population:
    return Population.of(_accounts(prompts(*rows)))


def ranges(*addresses: str | None) -> list[str | None]:
    frame = pl.DataFrame({"ip": pl.Series(addresses, dtype=pl.String)})
    return frame.select(address_range(pl.col("ip"))).to_series().to_list()


def test_accounts_are_in_order_of_their_ids() -> None:
    people = read({"account_id": "b"}, {"account_id": "a"}, {"account_id": "b"})
    assert people.ids.to_list() == ["a", "b"]
    assert people.n_prompts.tolist() == [1, 2]
    assert people.rows_of(pl.Series(["b", "a", "b"])).tolist() == [1, 0, 1]


def test_the_value_of_most_prompts_counts_and_of_equals_the_first() -> None:
    people = read(
        {"account_id": "a", "country": "FR"}, {"account_id": "a", "country": "FR"},
        {"account_id": "a", "country": "AT"},
        {"account_id": "b", "country": "FR"}, {"account_id": "b", "country": "AT"},
        {"account_id": "c", "country": "AT"},
        {"account_id": "d"}, {"account_id": "d"}, {"account_id": "d", "country": "FR"},
        {"account_id": "e"},
    )  # fmt: skip
    assert people.country.tolist() == [1, 0, 0, 1, -1]


def test_the_order_of_the_prompts_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    table = [
        {
            "account_id": f"a{i % 7}",
            "country": "XYZ"[i % 3],
            "asn": i % 5,
            "created_at": DAY + timedelta(minutes=31 * i),
        }
        for i in range(40)
    ]
    one, other = read(*table), read(*(table[i] for i in rng.permutation(40)))
    assert (one.networks == other.networks).all()
    assert (one.country == other.country).all()
    assert (one.hours == other.hours).all()


def test_ages_and_hours() -> None:
    people = read(
        {
            "account_id": "a",
            "created_at": DAY + timedelta(hours=12),
            "account_created_at": DAY - timedelta(days=2),
        },
        {
            "account_id": "a",
            "created_at": DAY + timedelta(hours=18),
            "account_created_at": DAY - timedelta(days=2),
        },
        {"account_id": "b", "created_at": DAY, "account_created_at": DAY + timedelta(hours=1)},
        {"account_id": "c"},
    )
    assert people.age == pytest.approx([2.5, 0.0, np.nan], nan_ok=True)
    assert people.hours[0, [12, 18]].tolist() == [0.5, 0.5]
    assert people.hours.sum(axis=1) == pytest.approx([1, 1, 1])
    assert people.created[0] == pytest.approx((DAY - timedelta(days=2)).timestamp() / 86_400)


def test_absent_columns_are_absent() -> None:
    people = read({"account_id": "a"}, {"account_id": "b"})
    assert (people.networks == -1).all()
    assert people.networks.shape == (2, len(NETWORKS))
    assert people.organization.tolist() == people.country.tolist() == [-1, -1]
    assert np.isnan(people.created).all()
    assert np.isnan(people.age).all()


def test_ranges_of_addresses() -> None:
    assert ranges("192.0.2.7", "192.0.2.99", "192.0.3.7") == ["192.0.2", "192.0.2", "192.0.3"]
    assert ranges(None, "residential", "") == [None, "residential", ""]


def test_one_range_is_one_however_its_addresses_are_written() -> None:
    assert len(set(ranges("2001:db8:0:5::1", "2001:db8::1", "2001:0DB8:0000::9", " 2001:db8:0::"))) == 1
    assert len(set(ranges("2001:db8:1::1", "2001:db8:2::1", "2001:db8::1", "2001:db9::1"))) == 4
    assert len(set(ranges("2a00::1", "2a00:0:0:1::5"))) == 1
    assert len(set(ranges("192.0.2.7", "::ffff:192.0.2.8", "::FFFF:192.0.2.9"))) == 1


def test_pseudonymous_addresses_keep_their_range() -> None:
    plain = ["192.0.2.7", "192.0.2.8", "192.0.3.8", "2001:db8:1::1", "2001:db8:1:2::3", "2001:db8:2::1"]
    named = pseudonym(pa.array(plain), b"a key", "net").to_pylist()
    first, second, third, fourth, fifth, sixth = ranges(*named)
    assert first == second
    assert fourth == fifth
    assert len({first, third, fourth, sixth}) == 4


def test_words_of_texts() -> None:
    words, hashes = words_of(pa.array(["red red blue 7", "blue green", "", "!!!"]))
    assert words.shape == (4, 4)
    assert words.toarray().sum(axis=1).tolist() == [3, 2, 0, 0]
    assert (words @ words.T).toarray()[0, 1] == 1
    assert set(words.data.tolist()) == {1.0}
    assert len(hashes) == 4
    assert (np.sort(hashes) == hashes).all()


def test_unspaced_scripts_have_pairs_for_words() -> None:
    words, _ = words_of(pa.array(["春江花月", "江花", "花江"]))
    alike = (words @ words.T).toarray()
    assert alike[0].tolist() == [3, 1, 0]


def test_texts_without_a_word() -> None:
    for texts in ([], [""], ["...", "?!"]):
        words, hashes = words_of(pa.array(texts, pa.string()))
        assert words.shape == (len(texts), len(hashes)) == (len(texts), 0)
