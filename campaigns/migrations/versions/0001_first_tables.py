"""Runs, days, campaigns with their days, cores and lineage, the allow-list, the day lock.

A migration is a record of what was: it spells plain column types and never imports the models, which go on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
        sa.UniqueConstraint("day", "attempt", name="uq_runs_day_attempt"),
    )
    op.create_table(
        "days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("current_run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_days"),
        sa.ForeignKeyConstraint(["current_run_id"], ["runs.run_id"], name="fk_days_current_run_id"),
    )
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_first_day", "campaigns", ["first_day"])
    op.create_index("ix_campaigns_last_day", "campaigns", ["last_day"])
    op.create_table(
        "campaign_days",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("n_prompts", sa.Integer(), nullable=False),
        sa.Column("n_accounts", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("objective", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "day", name="pk_campaign_days"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.campaign_id"], name="fk_campaign_days_campaign_id"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_campaign_days_run_id"),
        sa.CheckConstraint("score >= 0 AND score <= 1", name=op.f("ck_campaign_days_score")),
        sa.CheckConstraint("n_prompts >= 0 AND n_accounts >= 0", name=op.f("ck_campaign_days_counts")),
    )
    op.create_index("ix_campaign_days_day", "campaign_days", ["day"])
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
    op.create_table(
        "lineage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("other_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lineage"),
        sa.UniqueConstraint("campaign_id", "day", "event", name="uq_lineage_campaign_id_day_event"),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.campaign_id"], name="fk_lineage_campaign_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_lineage_day", "lineage", ["day"])
    op.create_table(
        "allow_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_allow_list"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "day_locks",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_day_locks"),
        sa.CheckConstraint("token >= 1", name=op.f("ck_day_locks_token")),
    )


def downgrade() -> None:
    for table in (
        "day_locks",
        "allow_list",
        "lineage",
        "campaign_cores",
        "campaign_days",
        "campaigns",
        "days",
        "runs",
    ):
        op.drop_table(table)
