"""Of each wording the direction of what its template asks for, in place of that of its texts, which say less."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("campaign_wordings", "medoid", new_column_name="direction")
    _forget("direction")


def downgrade() -> None:
    op.alter_column("campaign_wordings", "direction", new_column_name="medoid")
    _forget("medoid")


def _forget(column: str) -> None:
    """The one is not comparable with the other; the next run of each day writes it anew."""
    wordings = sa.table(
        "campaign_wordings", sa.column(column, sa.LargeBinary()), sa.column("encoder", sa.Text())
    )
    op.execute(sa.update(wordings).values({column: b"", "encoder": ""}))
