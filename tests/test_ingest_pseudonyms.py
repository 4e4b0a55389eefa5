from __future__ import annotations

import hashlib
import hmac

import pyarrow as pa
import pytest

from campaigns.records import PSEUDONYM_COLUMNS
from ingest.pseudonyms import KINDS, network_and_address, pseudonym

KEY = b"a key for tests"


def names(*values: str | None, kind: str = "acc", key: bytes = KEY) -> list[str | None]:
    found: list[str | None] = pseudonym(pa.array(values, pa.string()), key, kind).to_pylist()
    return found


def test_known_answer() -> None:
    subkey = hmac.new(KEY, b"shoal pseudonym: acc", hashlib.sha256).digest()
    expected = "acc_" + hmac.new(subkey, b"alice", hashlib.sha256).hexdigest()[:32]
    assert names("alice", None, "alice") == [expected, None, expected]


def test_every_column_has_its_kind() -> None:
    assert set(KINDS) == set(PSEUDONYM_COLUMNS)
    assert len(set(KINDS.values())) == len(KINDS)


def test_kinds_and_keys_are_apart() -> None:
    assert str(names("x", kind="acc")[0])[4:] != str(names("x", kind="org")[0])[4:]
    assert names("x") != names("x", key=b"another")


def test_addresses_of_one_network_share_its_name() -> None:
    a, b, c = map(str, names("192.0.2.1", "192.0.2.254", "192.0.3.1", kind="net"))
    assert a.split(".")[0] == b.split(".")[0] != c.split(".")[0]
    assert len({a, b, c}) == 3
    assert a.startswith("net_")


def test_ipv6_networks_are_48_bits() -> None:
    a, b, c = map(str, names("2001:db8:1:2::3", "2001:db8:1:ffff::1", "2001:db8:2::3", kind="net"))
    assert a.split(".")[0] == b.split(".")[0] != c.split(".")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.7", ("192.0.2.0/24", "192.0.2.7")),
        (" 192.0.2.7 ", ("192.0.2.0/24", "192.0.2.7")),
        ("::ffff:192.0.2.7", ("192.0.2.0/24", "192.0.2.7")),
        ("2001:DB8:0:0::1", ("2001:db8::/48", "2001:db8::1")),
        ("fe80::1%eth0", ("fe80::/48", "fe80::1")),
        ("unknown", ("unknown", "unknown")),
        ("192.0.2.7:443", ("192.0.2.7:443", "192.0.2.7:443")),
    ],
)
def test_spellings_of_an_address(text: str, expected: tuple[str, str]) -> None:
    assert network_and_address(text) == expected


def test_empty_array() -> None:
    assert names() == []
    assert names(None) == [None]
