"""A PostgreSQL server of the tests' own, from the installed binaries.

It lives in a temporary folder, listens on a Unix socket there and on no network port, and goes as
the tests end.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

_START_SECONDS = 60


class Postgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of an empty schema of its own; a schema takes a millisecond, a database half a second."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        yield f"postgresql+psycopg://shoal@/postgres?host={self._folder}&options=-csearch_path%3D{name}"
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self._folder), user="shoal", dbname="postgres", autocommit=True)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server, wait until it answers, stop it at the end.

    Raises:
        RuntimeError: the binaries are not installed, or the server does not start; with what it said.
    """
    binaries = _binaries()
    # Not pytest's tmp_path: the path of a Unix socket has room for about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="shoal-pg-"))
    user = _unprivileged_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    data, log = folder / "data", folder / "log"
    try:
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "shoal", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            **identity,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stderr}")
        options = [
            "listen_addresses=",
            f"unix_socket_directories={folder}",
            "fsync=off",
            "full_page_writes=off",
            "max_connections=60",
        ]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, *(part for option in options for part in ("-c", option))],
                cwd=folder,
                stdout=output,
                stderr=output,
                **identity,
            )
        try:
            postgres = Postgres(folder)
            _wait_until_it_answers(postgres, server, log)
            yield postgres
        finally:
            server.send_signal(signal.SIGINT)  # "fast shutdown": disconnects clients
            server.wait(timeout=_START_SECONDS)
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        raise RuntimeError(
            "no PostgreSQL server binaries in /usr/lib/postgresql/*/bin or on PATH; the tests need them: "
            "`apt-get install postgresql`, or leave these tests out with -m 'not postgres'"
        )
    return Path(initdb).parent


def _unprivileged_user() -> pwd.struct_passwd | None:
    """Whom to run the server as; None: as ourselves. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _wait_until_it_answers(postgres: Postgres, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            postgres.connect().close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from error
            time.sleep(0.05)
        else:
            return
