"""Which schema a store has, without bringing it up to date as opening it would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaigns.settings import Settings


@dataclass(frozen=True, slots=True)
class Schema:
    """`current` is None where there is no store yet."""

    where: str
    current: str | None
    head: str


def read_schema(settings: Settings) -> Schema:
    """
    Raises:
        UsageError: the store cannot be reached.
        IntegrityError: it is damaged.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import URL

    from campaigns import migrations
    from campaigns.database import Database

    given = settings.store_url.get_secret_value()
    path = settings.home.resolve() / "shoal.db"
    head = str(ScriptDirectory(Path(migrations.__file__).parent).get_current_head())
    database = Database(given or URL.create("sqlite", database=str(path)))
    if not given and not path.exists():
        return Schema(database.where, None, head)  # connecting would make the file
    try:
        with database.errors_in_words(), database.reader.begin() as connection:
            return Schema(database.where, MigrationContext.configure(connection).get_current_revision(), head)
    finally:
        database.close()
