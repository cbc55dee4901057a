"""What is due to one endpoint, by an index: so that others' backlogs are not read for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pending = "state = 'pending'"
    op.create_index(
        "ix_deliveries_due_to_endpoint",
        "deliveries",
        ["endpoint_id", "next_attempt_at", "version"],
        sqlite_where=sa.text(pending),
        postgresql_where=sa.text(f"{pending} AND next_attempt_at IS NOT NULL"),
    )
