"""The database under the store: SQLite or PostgreSQL, their transactions, their errors, migrations.

Both behave alike. A unit that reads sees one snapshot from its first statement to its last. Units that write
come one at a time: `BEGIN IMMEDIATE` in SQLite, a transaction-level advisory lock in PostgreSQL; so a
fencing token that was checked inside a unit is still the newest when the unit commits. Waiting ends after
`WAIT_SECONDS`.

SQLite: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html. PostgreSQL: the chapters
"Explicit Locking" and "Transaction Isolation" of its manual.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from campaigns.all_tables import METADATA
from campaigns.errors import DiskFullError, IntegrityError, LockHeldError, ShoalError, UsageError
from campaigns.failpoints import failpoint

WAIT_SECONDS = 10
_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITES = "shoal_writes"
_WRITER_LOCK = 0x5348_4F41_4C  # "SHOAL": one advisory lock per database

_SQLITE_ERRORS: dict[int, tuple[type[ShoalError], str, str]] = {
    sqlite3.SQLITE_BUSY: (LockHeldError, "the store is busy", "Another process is writing; try again."),
    sqlite3.SQLITE_FULL: (DiskFullError, "no room left for the store", "Free some space and try again."),
    sqlite3.SQLITE_CORRUPT: (IntegrityError, "the store is damaged", "Restore it from a backup."),
    sqlite3.SQLITE_NOTADB: (
        IntegrityError,
        "the store is not a SQLite database",
        "Restore it from a backup.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        UsageError,
        "cannot open the store",
        "Check that the folder is there and yours.",
    ),
    sqlite3.SQLITE_READONLY: (
        UsageError,
        "cannot write to the store",
        "Check the rights of file and folder.",
    ),
}
_POSTGRES_ERRORS: dict[str, tuple[type[ShoalError], str, str]] = {
    "55P03": (LockHeldError, "the store is busy", "Another process is writing; try again."),
    "53100": (DiskFullError, "no room left for the store", "Free some space on the server and try again."),
    "XX001": (IntegrityError, "the store is damaged", "Restore it from a backup."),
    "XX002": (IntegrityError, "an index of the store is damaged", "Rebuild it with REINDEX."),
}
_UNREACHABLE = (
    "08",
    "28",
    "3D",
    "57",
)  # connection, authorization, no such database, server going down or up


class Database:
    """Two views of one connection pool: `reader` for units that only read, `writer` for units that write."""

    def __init__(self, url: str | URL) -> None:
        """Connect to nothing yet.

        Raises:
            UsageError: the URL is neither SQLite with a file nor PostgreSQL, or its driver is not installed.
        """
        parsed = _checked(url)
        self.where = parsed.render_as_string(hide_password=True)
        try:
            engine = create_engine(
                parsed,
                pool_pre_ping=True,
                hide_parameters=True,  # values come from prompts, and errors go to logs
                json_serializer=partial(json.dumps, sort_keys=True, allow_nan=False),
            )
        except ModuleNotFoundError as error:
            raise UsageError(f"{error.name} is not installed", hint="Install shoal[postgres].") from None
        self.writer: Engine = engine.execution_options(**{_WRITES: True})
        if parsed.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            self.reader: Engine = engine
        else:
            event.listen(engine, "connect", _prepare_postgres)
            event.listen(engine, "begin", _begin_postgres)
            self.reader = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    def close(self) -> None:
        self.writer.dispose()

    def compact(self) -> None:
        """Let go of what was deleted: its bytes stay in pages of the file, and in the log beside it, until then.

        PostgreSQL keeps old rows until its own vacuum; that is asked for.
        """
        with self.errors_in_words(), self.writer.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            if connection.dialect.name == "sqlite":
                driver.execute("VACUUM")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return
            connection.rollback()
            driver.autocommit = True
            try:
                driver.execute("VACUUM")
            finally:
                driver.autocommit = False

    @contextmanager
    def errors_in_words(self) -> Iterator[None]:
        """Turn what the driver says about disk, damage, rights and waiting into errors with a next step."""
        try:
            yield
        except DBAPIError as error:
            translated = _in_words(error, self.where)
            if translated is None:
                raise
            raise translated from error


def _checked(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text is not repeated: it may hold a password.
        raise UsageError(
            "the store URL cannot be read", hint="Example: postgresql+psycopg://user@host/shoal"
        ) from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite") and parsed.database not in (None, "", ":memory:"):
        return parsed
    raise UsageError(
        f"a store at {parsed.render_as_string(hide_password=True)} is not supported",
        hint="Use sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME.",
    )


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # Transactions are begun below: the driver would begin them late, and not at all before DDL.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.create_function("lower", 1, _lower, deterministic=True)  # its own knows 26 letters


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a fresh file to WAL. The switch does not wait for others as statements do: try again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            if mode != "wal":
                raise UsageError(
                    "the file system of the store cannot share memory between processes, which WAL needs",
                    hint="Put SHOAL_HOME on a local disk, or use PostgreSQL.",
                )
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgres(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # Compiling a statement takes 0.1 s, and no statement of ours is so long that it would pay.
    connection.cursor().execute("SET jit = off")
    connection.commit()


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")


def _in_words(error: DBAPIError, where: str) -> ShoalError | None:
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        found = _SQLITE_ERRORS.get(getattr(origin, "sqlite_errorcode", 0) & 0xFF)
    else:
        state = getattr(origin, "sqlstate", None)
        found = _POSTGRES_ERRORS.get(state or "")
        if found is None and isinstance(error, OperationalError) and (state or "08")[:2] in _UNREACHABLE:
            found = (UsageError, "cannot reach the store", "Check the server, its address and the user.")
    if found is None:
        return None
    kind, what, hint = found
    return kind(what, where=where, hint=hint)


# -- migrations ----------------------------------------------------------------------------------------


def migration_config(connection: Connection) -> Config:
    """Alembic's settings for a connection whose transaction the caller owns."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(database: Database) -> None:
    """Bring the schema to the newest revision; one transaction, so that a kill leaves it as it was.

    Processes that open a store at the same time take turns; the later ones find nothing to do. A store that
    is up to date is not written to.

    Raises:
        UsageError: the schema is newer than this version of Shoal.
        IntegrityError: the database holds tables of the same names that Shoal did not make.
    """
    with database.errors_in_words():
        with database.reader.begin() as connection:
            if _is_current(connection, database.where):
                return
        with database.writer.begin() as connection:
            if not _is_current(connection, database.where):
                command.upgrade(migration_config(connection), "head")
                failpoint("migrate:before_commit")


def _is_current(connection: Connection, where: str) -> bool:
    script = ScriptDirectory.from_config(migration_config(connection))
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        strangers = METADATA.tables.keys() & set(inspect(connection).get_table_names())
        if strangers:
            raise IntegrityError(
                f"the database has tables that Shoal did not make: {', '.join(sorted(strangers))}",
                where=where,
                hint="Give Shoal a database of its own, or restore the store from a backup.",
            )
        return False
    if revision not in {known.revision for known in script.walk_revisions()}:
        raise UsageError(
            f"the store has schema {revision}, which this version of Shoal does not know",
            where=where,
            hint="A newer Shoal has written it: upgrade this one.",
        )
    return revision == script.get_current_head()
