"""Wordings take the place of one core per campaign: each has a lasting number and the direction of its texts.

A core of before becomes wording 0, of which no direction is known. People may say that two campaigns are one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign_wordings",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("variant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.Column("medoid", sa.LargeBinary(), nullable=False),
        sa.Column("encoder", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "day", "variant", name="pk_campaign_wordings"),
        sa.ForeignKeyConstraint(
            ["campaign_id", "day"],
            ["campaign_days.campaign_id", "campaign_days.day"],
            name="fk_campaign_wordings_campaign_id_day",
            ondelete="CASCADE",
        ),
    )
    cores = _cores()
    new = sa.table("campaign_wordings", *(sa.column(name) for name in _COLUMNS))
    old = sa.select(
        cores.c.campaign_id,
        cores.c.day,
        sa.literal(0),
        cores.c.features,
        cores.c.weights,
        sa.literal(b"", sa.LargeBinary()),
        sa.literal(""),
    )
    op.get_bind().execute(new.insert().from_select(list(_COLUMNS), old))
    op.drop_table("campaign_cores")
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("other_id", sa.Text(), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
        sa.CheckConstraint("campaign_id <> other_id", name=op.f("ck_answers_other")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_answers_campaign_id", "answers", ["campaign_id"])


def downgrade() -> None:
    """Of several wordings the first is kept."""
    op.drop_table("answers")
    op.create_table(
        "campaign_cores",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "day", name="pk_campaign_cores"),
        sa.ForeignKeyConstraint(
            ["campaign_id", "day"],
            ["campaign_days.campaign_id", "campaign_days.day"],
            name="fk_campaign_cores_campaign_id_day",
            ondelete="CASCADE",
        ),
    )
    wordings = sa.table("campaign_wordings", *(sa.column(name) for name in _COLUMNS))
    other = wordings.alias()
    first = (
        sa.select(sa.func.min(other.c.variant))
        .where(other.c.campaign_id == wordings.c.campaign_id, other.c.day == wordings.c.day)
        .scalar_subquery()
    )
    kept = sa.select(wordings.c.campaign_id, wordings.c.day, wordings.c.features, wordings.c.weights).where(
        wordings.c.variant == first
    )
    cores = _cores()
    op.get_bind().execute(cores.insert().from_select([column.name for column in cores.c], kept))
    op.drop_table("campaign_wordings")


_COLUMNS = ("campaign_id", "day", "variant", "features", "weights", "medoid", "encoder")


def _cores() -> sa.TableClause:
    return sa.table(
        "campaign_cores",
        sa.column("campaign_id"),
        sa.column("day"),
        sa.column("features"),
        sa.column("weights"),
    )
