"""Whom each known matcher met, day by day, so that its collisions add up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "matcher_days",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("variant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("prompts", sa.Integer(), nullable=False),
        sa.Column("matches", sa.Integer(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("loose_matches", sa.Integer(), nullable=False),
        sa.Column("loose_accounts", sa.Integer(), nullable=False),
        sa.Column("of_members", sa.Integer(), nullable=False),
        sa.Column("own", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "variant", "day", name="pk_matcher_days"),
    )
    op.create_index("ix_matcher_days_day", "matcher_days", ["day"])


def downgrade() -> None:
    op.drop_table("matcher_days")
