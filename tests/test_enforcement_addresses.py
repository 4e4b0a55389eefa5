"""Webhooks lead to public addresses and named networks only, however an address is spelled, whenever it changes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

import pytest
from webhook_receivers import Answer, Dial, Names, Trap, an_outgoing, local_settings, receiving, settings_for

from campaigns.errors import UsageError
from enforcement.addresses import Resolve, is_allowed, networks_of, resolve
from enforcement.sinks import Outcome
from enforcement.sinks.webhook import WebhookSink

PUBLIC, OTHER_PUBLIC = "11.22.33.44", "2600:1234::1"

FORBIDDEN = [
    "0.0.0.0",  # noqa: S104  -- unspecified; Linux connects it to this machine
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # shared by carriers
    "100.100.100.200",  # metadata
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # metadata, at a public address
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # translated
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::127.0.0.1",
    "100::1",
    "2001::1",  # Teredo
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a00:1::1",
    "2600:1234::5efe:127.0.0.1",  # ISATAP
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_public_are_forbidden(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        "9.9.9.9",
        "192.0.1.1",
        "100.128.0.1",
        OTHER_PUBLIC,
        "2a00:1450::1",
        "::ffff:9.9.9.9",
        "64:ff9b::909:909",
    ],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address))


def test_named_networks_are_allowed_and_nothing_beside_them() -> None:
    networks = networks_of(" 10.20.0.0/16, fd12:3456::/48 ,")
    for inside in ("10.20.3.4", "::ffff:10.20.3.4", "64:ff9b::10.20.3.4", "fd12:3456::9"):
        assert is_allowed(ipaddress.ip_address(inside), networks)
    for outside in ("10.21.0.1", "127.0.0.1", "fd12:3457::9", "::ffff:10.21.0.1"):
        assert not is_allowed(ipaddress.ip_address(outside), networks)


def test_metadata_is_forbidden_in_any_network() -> None:
    everything = networks_of("0.0.0.0/0, ::/0")
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254"):
        assert not is_allowed(ipaddress.ip_address(address), everything)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "office", "10.0.0.0/8;::1"])
def test_networks_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="webhook_networks"):
        networks_of(text)


# -- URLs, all the way to the network --------------------------------------------------------------------

NAMES = {
    "inside.example": [["10.0.0.7"]],
    "loop.example": [["127.0.0.1"]],
    "loop6.example": [["::1"]],
    "metadata.example": [["169.254.169.254"]],
    "mixed.example": [[PUBLIC, "127.0.0.1"]],
    "mixed2.example": [["127.0.0.1", PUBLIC]],
    "mixed6.example": [[OTHER_PUBLIC, "::1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "empty.example": [[]],
    "127.0.0.1.nip.example": [["127.0.0.1"]],
    "xn--bcher-kva.example": [["192.168.0.1"]],
    "scope.example": [["fe80::1%lo"]],
}
URLS = [
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://2130706433:{port}/",
    "https://017700000001:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0X7F.1:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://127。0。0。1:{port}/",
    "https://127.0.0.1:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::]:{port}/",
    "https://[::1]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[64:ff9b::127.0.0.1]:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://[::1%25lo]:{port}/",
    "https://localhost:{port}/",
    "https://localhost.:{port}/",
    "https://LOCALHOST:{port}/",
    "https://ˡᵒᶜᵃˡʰᵒˢᵗ:{port}/",
    "https://loc%61lhost:{port}/",
    "https://127.0.0.1%2f.example:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://user@127.0.0.1:{port}/",
    "https://user:secret@inside.example:{port}/",
    "https://receiver.example:80@127.0.0.1:{port}/",
    "https://receiver.example@127.0.0.1:{port}/",
    "https://receiver.example\\@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@receiver.example/",
    "https://127.0.0.1:{port}#@receiver.example/",
    "https://127.0.0.1:{port}?@receiver.example/",
    "https://127.0.0.1:{port}/\r\nHost: receiver.example",
    "https://127.0.0.1:0{port}/",
    "https://127.0.0.1:99999/",
    "https://127.0.0.1:-1/",
    "https://:{port}/",
    "https:///{port}",
    "https:127.0.0.1:{port}",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "",
    "http://127.0.0.1:{port}/",
    "http://[::1]:{port}/",
    "http://localhost:{port}/",
    "http://loop.example:{port}/",
    "http://receiver.example:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/hostname",
    "gopher://127.0.0.1:{port}/",
    "unix:///run/receiver.sock",
    *(f"https://{name}:{{port}}/" for name in NAMES),
    "https://INSIDE.example.:{port}/",
    "https://bücher.example:{port}/",
]


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.close()


def answers() -> Resolve:
    """What `NAMES` says, and of everything else what the system says without asking anybody."""
    told = Names(NAMES)

    async def ask(host: str, port: int) -> Sequence[str]:
        return await (told(host, port) if host in NAMES else resolve(host, port))

    return ask


def test_no_url_of_the_corpus_leads_to_a_connection(trap: Trap) -> None:
    assert len(URLS) >= 60
    dial = Dial()
    reached = []
    for url in URLS:
        try:
            sink = WebhookSink.of(settings_for(url.format(port=trap.port)), resolve=answers(), dial=dial)
        except UsageError:
            continue
        (result,) = sink.send([an_outgoing()])
        sink.close()
        if result.outcome != Outcome.FAILED or dial.asked or trap.count():
            reached.append(url)
    assert reached == []
    assert dial.asked == []
    assert trap.count() == 0


@pytest.mark.parametrize(
    "url", ["http://loop.example:{port}/", "http://10.0.0.7:{port}/", "http://receiver.example/"]
)
def test_http_leads_to_this_machine_alone_whatever_networks_are_named(url: str, trap: Trap) -> None:
    with pytest.raises(UsageError, match="not https"):
        WebhookSink.of(settings_for(url.format(port=trap.port), webhook_networks="0.0.0.0/0, ::/0"))


def test_a_name_for_this_machine_that_leads_elsewhere_is_not_followed_over_http() -> None:
    dial = Dial(nobody=True)
    names = Names({"localhost": [["10.0.0.7"]]})
    settings = settings_for("http://localhost/", webhook_networks="127.0.0.0/8, 10.0.0.0/8")
    sink = WebhookSink.of(settings, resolve=names, dial=dial)
    assert sink.send([an_outgoing()])[0].outcome == Outcome.FAILED
    assert dial.asked == []
    sink.close()


def test_a_name_that_changes_its_address_leads_to_the_address_that_was_judged_or_nowhere() -> None:
    dial = Dial(nobody=True)
    names = Names({"rebind.example": [[PUBLIC], ["127.0.0.1"], ["169.254.169.254"], [OTHER_PUBLIC]]})
    sink = WebhookSink.of(settings_for("https://rebind.example/"), resolve=names, dial=dial)
    errors = [sink.send([an_outgoing()])[0].error for _ in range(4)]
    sink.close()
    assert dial.asked == [(PUBLIC, 443), (OTHER_PUBLIC, 443)]
    assert len(names.questions) == 4, "each connection asks once"
    assert errors == [
        "no connection",
        "the host leads to 127.0.0.1, where no message may go",
        "the host leads to 169.254.169.254, where no message may go",
        "no connection",
    ]


def test_of_several_addresses_the_next_is_tried() -> None:
    dial = Dial(nobody=True)
    names = Names({"two.example": [[PUBLIC, OTHER_PUBLIC]]})
    sink = WebhookSink.of(settings_for("https://two.example:8443/"), resolve=names, dial=dial)
    assert sink.send([an_outgoing()])[0].outcome == Outcome.FAILED
    assert dial.asked == [(PUBLIC, 8443), (OTHER_PUBLIC, 8443)]
    sink.close()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/", "https://[::1]:{port}/", "//127.0.0.1:{port}/"]
)
def test_redirects_are_not_followed(status: int, target: str, trap: Trap) -> None:
    where = target.format(port=trap.port)
    answer = Answer(
        status, {"Location": where, "Refresh": f"0; url={where}", "Alt-Svc": f'h2=":{trap.port}"'}
    )
    dial = Dial()
    with receiving(lambda _: answer) as receiver:
        sink = WebhookSink.of(local_settings(receiver), dial=dial)
        (result,) = sink.send([an_outgoing()])
        sink.close()
    assert (result.outcome, result.error) == (
        Outcome.FAILED,
        f"the receiver answered {status}, and redirects are not followed",
    )
    assert dial.asked == [("127.0.0.1", receiver.port)]
    assert trap.count() == 0


def test_proxies_of_the_environment_are_not_asked(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{trap.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with receiving() as receiver:
        sink = WebhookSink.of(local_settings(receiver))
        assert sink.send([an_outgoing()])[0].outcome == Outcome.DELIVERED
        sink.close()
    assert trap.count() == 0


def test_the_trap_would_count_a_connection(trap: Trap) -> None:
    sink = WebhookSink.of(
        settings_for(
            f"http://127.0.0.1:{trap.port}/", webhook_networks="127.0.0.0/8", webhook_timeout_seconds=0.2
        )
    )
    assert sink.send([an_outgoing()])[0].error == "no answer within 0.2 seconds"
    sink.close()
    assert trap.count() == 1
