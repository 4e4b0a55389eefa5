"""Alembic migrations of the store, run by `campaigns.database.migrate`; there is no alembic.ini.

To add one after changing `campaigns.tables`, on a store that is at the newest revision:

    database = Database("sqlite:///var/shoal.db")
    with database.writer.begin() as connection:
        command.revision(migration_config(connection), "what changes", autogenerate=True, rev_id="0004")

Read what it wrote, by hand finish what it cannot know (renames, data), and run the migration tests.
"""
