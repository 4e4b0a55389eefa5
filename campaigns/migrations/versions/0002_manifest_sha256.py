"""The ledger keeps the SHA-256 of a run's manifest. Older rows have none: their manifests were not measured."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("manifest_sha256", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "manifest_sha256")
