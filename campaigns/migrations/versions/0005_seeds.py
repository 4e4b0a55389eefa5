"""Seeds, what partners told us of, and who did what to them; a seed that is removed keeps its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "seeds",
        sa.Column("seed_id", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("tlp", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("objective", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.Date(), nullable=True),
        sa.Column("last_seen", sa.Date(), nullable=True),
        sa.Column("template_json", sa.Text(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=True),
        sa.Column("weights", sa.LargeBinary(), nullable=True),
        sa.Column("tokens", sa.Integer(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("anywhere", sa.Boolean(), nullable=False),
        sa.Column("organic_matches", sa.Integer(), nullable=False),
        sa.Column("organic_prompts", sa.Integer(), nullable=False),
        sa.Column("collision_bound", sa.Double(), nullable=False),
        sa.Column("measured_on", sa.Date(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.Column("removed_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seed_id", name="pk_seeds"),
        sa.CheckConstraint("(template_json <> '') <> (features IS NOT NULL)", name=op.f("ck_seeds_content")),
        sa.CheckConstraint("(state IS NULL) = (template_json = '')", name=op.f("ck_seeds_state")),
        sa.CheckConstraint(
            "(removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL) = (removed_reason IS NULL)",
            name=op.f("ck_seeds_removed"),
        ),
    )
    op.create_table(
        "seed_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seed_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_seed_events"),
        sa.ForeignKeyConstraint(["seed_id"], ["seeds.seed_id"], name="fk_seed_events_seed_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_seed_events_seed_id", "seed_events", ["seed_id"])


def downgrade() -> None:
    op.drop_table("seed_events")
    op.drop_table("seeds")
