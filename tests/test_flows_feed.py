"""`shoal feed`: tokens are shown once, the door is open on this machine only, and it answers until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from console import data, keep_apart, shoal

from enforcement.tokens import PREFIX


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_apart(tmp_path, monkeypatch)


@pytest.fixture
def port() -> int:
    """One that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


def test_a_token_is_all_of_stdout_and_is_shown_once() -> None:
    result = shoal("feed", "token", "issue", "blocklist", "--scope", "campaigns:read", "--days", "3")
    token = result.stdout.strip()
    assert token.startswith(PREFIX)
    assert "good until" in result.stderr
    listed = shoal("feed", "token", "list")
    assert "blocklist" in listed.stdout
    assert token not in listed.stdout
    (row,) = data("feed", "token", "list")
    assert (row["name"], row["scopes"], row["state"]) == ("blocklist", ["campaigns:read"], "good")


def test_a_program_gets_the_token_as_json() -> None:
    made = data(
        "feed",
        "token",
        "issue",
        "support",
        "--scope",
        "accounts:read",
        "--scope",
        "campaigns:read",
        "--author",
        "ada",
    )
    assert made["token"].startswith(PREFIX)
    assert (made["scopes"], made["author"]) == (["accounts:read", "campaigns:read"], "ada")


def test_a_revoked_token_stays_on_the_list() -> None:
    data("feed", "token", "issue", "a", "--scope", "accounts:read")
    assert data("feed", "token", "revoke", "1")["state"] == "revoked"
    assert "revoked" in shoal("feed", "token", "list").stdout
    again = shoal("feed", "token", "revoke", "1")
    assert (again.exit_code, "revoked before" in again.stderr) == (2, True)


def test_no_tokens_and_no_such_scope_are_told_with_the_next_step() -> None:
    assert "shoal feed token issue" in shoal("feed", "token", "list").stderr
    wrong = shoal("feed", "token", "issue", "a", "--scope", "everything")
    assert wrong.exit_code == 2
    assert "campaigns:read and accounts:read" in wrong.stderr


def test_without_a_flag_it_says_what_it_is() -> None:
    result = shoal("feed")
    assert result.exit_code == 0
    assert "shoal feed --serve" in result.stdout


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shoal.example", ""])  # noqa: S104
def test_beyond_this_machine_it_opens_only_behind_tls(host: str) -> None:
    result = shoal("feed", "--serve", "--host", host)
    assert result.exit_code == 2
    assert "--behind-tls" in result.stderr
    assert not Path("var").exists()


def test_a_port_in_use_is_told_with_the_setting(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        result = shoal("feed", "--serve", "--port", str(port))
    assert result.exit_code == 2
    assert f"--set delivery.feed_port={port + 1}" in result.stderr


def test_it_answers_until_ctrl_c_and_says_nothing_of_tokens_and_accounts(tmp_path: Path, port: int) -> None:
    token = data("feed", "token", "issue", "a", "--scope", "accounts:read")["token"]
    command = [sys.executable, "-m", "flows.cli", "feed", "--serve", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        try:
            assert f"127.0.0.1:{port}" in process.stderr.readline()
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                assert client.get("/v1/health").json() == {"status": "ok"}
                unknown = client.get("/v1/accounts/acct-17", headers={"Authorization": f"Bearer {token}"})
                assert unknown.status_code == 404
                assert "server" not in unknown.headers
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert token not in told
    assert "acct-17" not in told
    assert told == ""
