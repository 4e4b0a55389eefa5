"""What people do on the analyst's page: proposals, labels, splits, views, sessions, and the audit log of all of it.

`campaigns` repeats of its latest day what the queue is filtered and sorted by.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REPEATED = (
    "run_id", "tier", "score", "n_prompts", "n_accounts", "operator_id", "title", "objective", "template",
)  # fmt: skip
_CHANGES = ("UPDATE", "DELETE")


def upgrade() -> None:
    _make_tables()
    _make_audit()
    op.add_column("decisions", sa.Column("expires_on", sa.Date(), nullable=True))
    op.add_column("decisions", sa.Column("proposal_id", sa.Integer(), nullable=True))
    op.add_column("campaign_days", sa.Column("operator_id", sa.Text(), nullable=True))
    for column in (
        sa.Column("run_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("tier", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("score", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_prompts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_accounts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("objective", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("template", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("labelled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
    ):
        op.add_column("campaigns", column)
    op.create_index("ix_campaigns_queue", "campaigns", ["state", "score", "campaign_id"])
    op.create_index("ix_campaigns_operator_id", "campaigns", ["operator_id"])
    _repeat()


def downgrade() -> None:
    op.drop_index("ix_campaigns_operator_id", "campaigns")
    op.drop_index("ix_campaigns_queue", "campaigns")
    # Not by copying, which in SQLite would take with it what hangs on these tables.
    for name in (*_REPEATED, "labelled", "verdict"):
        op.drop_column("campaigns", name)
    op.drop_column("campaign_days", "operator_id")
    op.drop_column("decisions", "proposal_id")
    op.drop_column("decisions", "expires_on")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TABLE audit")
        op.execute("DROP FUNCTION audit_is_added_only()")
    else:
        op.drop_table("audit")
    for name in ("keys", "tickets", "sessions", "views", "splits", "labels", "proposals"):
        op.drop_table(name)


def _repeat() -> None:
    """Bring rows that are there in line, as `campaigns.current` does later on."""
    campaigns, days, decisions = (
        sa.table("campaigns", *map(sa.column, ("campaign_id", "last_day", "verdict", *_REPEATED))),
        sa.table("campaign_days", *map(sa.column, ("campaign_id", "day", *_REPEATED))),
        sa.table("decisions", *map(sa.column, ("id", "campaign_id", "verdict", "undoes"))),
    )
    latest = (days.c.campaign_id == campaigns.c.campaign_id) & (days.c.day == campaigns.c.last_day)
    op.execute(sa.update(campaigns).where(latest).values({name: days.c[name] for name in _REPEATED}))
    undo = decisions.alias()
    stands = (
        sa.select(decisions.c.verdict)
        .where(
            decisions.c.campaign_id == campaigns.c.campaign_id,
            decisions.c.undoes.is_(None),
            ~sa.select(undo.c.id).where(undo.c.undoes == decisions.c.id).exists(),
        )
        .order_by(decisions.c.id.desc())
        .limit(1)
        .correlate(campaigns)
        .scalar_subquery()
    )
    op.execute(sa.update(campaigns).values(verdict=stands))


def _make_tables() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("n_accounts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
        sa.CheckConstraint(
            "(outcome IS NULL) = (settled_by IS NULL) AND (outcome IS NULL) = (settled_at IS NULL)",
            name=op.f("ck_proposals_settled"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_proposals_outcome", "proposals", ["outcome"])
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("objective", sa.Text(), nullable=True),
        *_who_and_why(),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_labels_campaign_id", "labels", ["campaign_id"])
    op.create_table(
        "splits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("variants", sa.JSON(), nullable=False),
        sa.Column("new_id", sa.Text(), nullable=True),
        *_who_and_why(),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_splits"),
        sa.UniqueConstraint("undoes", name="uq_splits_undoes"),
        sa.CheckConstraint("(new_id IS NULL) <> (undoes IS NULL)", name=op.f("ck_splits_new_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_splits_campaign_id", "splits", ["campaign_id"])
    op.create_table(
        "views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_views"),
        sa.UniqueConstraint("owner", "name", name="uq_views_owner_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_sessions"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "tickets",
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("secret_sha256", name="pk_tickets"),
    )
    op.create_index("ix_tickets_expires_at", "tickets", ["expires_at"])
    op.create_table(
        "keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_keys"),
    )


def _who_and_why() -> tuple[sa.Column[str], sa.Column[str], sa.Column[datetime]]:
    return (
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def _make_audit() -> None:
    """A table that the database itself refuses to change or to delete from."""
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    if op.get_bind().dialect.name == "sqlite":
        for change in _CHANGES:
            op.execute(
                f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is added to only'); END"
            )
        op.execute(  # REPLACE deletes without asking the trigger for it
            "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit "
            "WHEN EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.sequence) "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is added to only'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION audit_is_added_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is added to only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_added_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_added_only()"
    )
