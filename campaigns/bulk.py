"""Many rows at once: made ready before a transaction starts, and written in what time the database itself takes.

SQLAlchemy turns values into what a driver takes as it executes a statement. For tens of thousands of rows that is most
of the time, and others would wait through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, slots=True)
class ReadyRows:
    """`rows` hold a value per column of `columns`, as the driver takes it."""

    table: Table
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def insert(self, connection: Connection, *, skip_known: bool = False) -> None:
        """
        Args:
            skip_known: leave rows alone whose keys are there.
        """
        if not self.rows:
            return
        columns = ", ".join(self.columns)
        statement = f"INSERT INTO {self.table.name} ({columns})"
        ending = " ON CONFLICT DO NOTHING" if skip_known else ""
        if connection.dialect.name == "sqlite":
            marks = ", ".join("?" * len(self.columns))
            connection.exec_driver_sql(f"{statement} VALUES ({marks}){ending}", self.rows)
        elif skip_known:
            types = [self.table.c[name].type.compile(connection.dialect) for name in self.columns]
            arrays = ", ".join(f"%s::{kind}[]" for kind in types)
            by_column = tuple(list(values) for values in zip(*self.rows, strict=True))
            unnested = f"{statement} SELECT * FROM unnest({arrays}){ending}"  # noqa: S608 names of our own
            connection.exec_driver_sql(unnested, by_column)
        else:
            _copy(connection, f"COPY {self.table.name} ({columns}) FROM STDIN", self.rows)


def _copy(connection: Connection, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """PostgreSQL's own way, which SQLAlchemy has none for: its errors are made SQLAlchemy's."""
    errors = connection.dialect.loaded_dbapi.Error
    try:
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except errors as error:
        raise DBAPIError.instance(statement, None, error, errors, dialect=connection.dialect) from error


def ready(table: Table, rows: Sequence[Mapping[str, Any]], dialect: Dialect) -> ReadyRows:
    """
    Args:
        rows: all with the same columns, by name; the others have their defaults.
    """
    columns = tuple(rows[0]) if rows else ()
    kinds = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in columns]
    converted = [
        [row[name] for row in rows] if convert is None else [convert(row[name]) for row in rows]
        for name, convert in zip(columns, kinds, strict=True)
    ]
    return ReadyRows(table, columns, list(zip(*converted, strict=True)))
