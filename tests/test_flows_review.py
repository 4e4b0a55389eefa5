"""`shoal review`: whom it lets in by which door, what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from console import keep_apart, shoal

from campaigns.errors import UsageError
from review.web import server
from review.web.server import listen

LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/sign-in#([\w-]{43})")


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_apart(tmp_path, monkeypatch)


@pytest.fixture
def port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number


@pytest.fixture
def _not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "serve", lambda *_: None)


# -- what it prints ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_not_served")
def test_the_link_is_all_of_stdout(port: int) -> None:
    result = shoal("--set", f"review.port={port}", "review")
    assert result.exit_code == 0
    found = LINK.fullmatch(result.stdout.strip())
    assert found is not None
    assert int(found[1]) == port
    assert "signs you in once" in result.stderr
    assert found[2] not in result.stderr


@pytest.mark.usefixtures("_not_served")
def test_a_program_gets_the_link_as_json(port: int) -> None:
    result = shoal("--quiet", "--set", f"review.port={port}", "review", "--json")
    assert result.stderr == ""
    (name, link), *others = json.loads(result.stdout).items()
    assert (name, others) == ("url", [])
    assert LINK.fullmatch(link)


@pytest.mark.usefixtures("_not_served")
def test_a_team_is_shown_the_address_alone(port: int) -> None:
    team = ("sign_in=proxy", "url=https://shoal.example", "viewers=ana", f"port={port}")
    flags = [part for one in team for part in ("--set", f"review.{one}")]
    result = shoal(*flags, "review", "--host", "0.0.0.0")  # noqa: S104
    assert result.stdout == "https://shoal.example\n"
    assert "signs you in" not in result.stderr


# -- doors that are not opened -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["::", "0.0.0.0", "192.0.2.1", "shoal.example", "127.0.0.1.shoal.example", ""],  # noqa: S104
)
def test_a_link_is_for_this_machine_alone(host: str) -> None:
    result = shoal("review", "--host", host)
    assert result.exit_code == 2
    assert "the sign-in by link is for this machine alone" in result.stderr
    assert "review.sign_in" in result.stderr
    assert result.stdout == ""
    assert not Path("var").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["sign_in=oidc"], "review.url is missing"),
        (["sign_in=oidc", "url=https://shoal.example"], "no list names a user"),
        (["sign_in=oidc", "url=https://shoal.example", "viewers=ana"], "review.oidc_issuer is missing"),
        (["sign_in=proxy", "url=http://shoal.example", "viewers=ana"], "review.url is missing"),
        (["url=https://shoal.example"], "for this machine alone"),
        (["url=shoal.example"], "review.url is no address of a server"),
    ],
)
def test_a_door_that_lacks_a_setting_is_not_opened(settings: list[str], told: str) -> None:
    result = shoal(*[part for one in settings for part in ("--set", f"review.{one}")], "review")
    assert result.exit_code == 2
    assert told in result.stderr
    assert "next:" in result.stderr
    assert result.stdout == ""


def test_a_port_in_use_is_told_in_words_and_no_link_is_made(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        result = shoal("--set", f"review.port={port}", "review")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[:2] == ["error: the port is in use", f"where: 127.0.0.1:{port}"]
    assert "--set review.port=" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("host", "told"), [("192.0.2.1", "no such address"), ("no-such-host.invalid", "no such host")]
)
def test_an_address_of_another_machine_is_told_in_words(host: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        listen(host, 0)


def test_a_port_that_is_not_ones_own_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(UsageError, match="may not be taken"):
        listen("127.0.0.1", 80)


def test_either_protocol_is_listened_on() -> None:
    with listen("127.0.0.1", 0) as four, listen("::1", 0) as six:
        assert (four.family, six.family) == (socket.AF_INET, socket.AF_INET6)


# -- served --------------------------------------------------------------------------------------------


@dataclass
class Served:
    process: subprocess.Popen[str]
    link: str

    @property
    def origin(self) -> str:
        return self.link.partition("/sign-in")[0]

    def end(self) -> tuple[int, str]:
        """(exit code after Ctrl-C, what stood on stderr)."""
        self.process.send_signal(signal.SIGINT)
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, told


@pytest.fixture
def served(tmp_path: Path, port: int) -> Iterator[Served]:
    command = [sys.executable, "-m", "flows.cli", "--set", f"review.port={port}", "review", "--json"]
    root = Path(__file__).parent.parent
    environment = {**os.environ, "SHOAL_HOME": str(tmp_path / "var"), "PYTHONPATH": str(root)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        try:
            yield Served(process, json.loads("".join(lines))["url"])
        finally:
            process.kill()


def test_the_page_is_served_until_ctrl_c_and_says_nothing_of_secrets(served: Served) -> None:
    secret = urlsplit(served.link).fragment
    with httpx2.Client(base_url=served.origin, trust_env=False) as browser:
        entered = browser.post("/sign-in", data={"secret": secret}, headers={"Origin": served.origin})
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"].partition(";")[0]
        page = browser.get("/queue", headers={"Cookie": cookie})
        assert page.status_code == 200
        assert "server" not in page.headers
        forged = {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https", "Cookie": cookie}
        assert "strict-transport-security" not in browser.get("/queue", headers=forged).headers
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Cookie": cookie}  # fmt: skip
        refused = browser.get("/no-such-socket", headers=upgrade)
        assert refused.status_code == 404
        assert "content-security-policy" in refused.headers
    code, told = served.end()
    assert code == 0, told
    assert "Traceback" not in told
    for hidden in (secret, cookie.partition("=")[2]):
        assert hidden not in told
