"""Two indexes that fit one question each: what is pending of a payment, and what a reorg took back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_deliveries_in_order", "deliveries")
    op.create_index(
        "ix_deliveries_in_order",
        "deliveries",
        ["payment_id", "chain_id", "endpoint_id", "version"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state || '' = 'pending'"),
    )
    reorged = sa.text("type = 'payment.reorged'")
    op.create_index(
        "ix_notifications_reorged",
        "notifications",
        ["merchant_id", "position"],
        sqlite_where=reorged,
        postgresql_where=reorged,
    )
