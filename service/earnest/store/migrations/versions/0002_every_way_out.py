"""What was repaid, what stands beside payments, and who was dismissed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

AMOUNT = sa.Numeric(78, 0).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("payments", sa.Column("repaid", AMOUNT, server_default="0", nullable=False))
    op.create_table(
        "dismissals",
        *_place(),
        sa.Column("merchant", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("orphaned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "block_hash", "log_index", name=op.f("pk_dismissals")),
    )
    op.create_index(
        op.f("ix_dismissals_chain_id_merchant_operator"),
        "dismissals",
        ["chain_id", "merchant", "operator"],
        unique=False,
    )
    op.create_table(
        "side_events",
        *_place(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("buyer", sa.Text(), nullable=True),
        sa.Column("amount", AMOUNT, nullable=True),
        sa.Column("item", AMOUNT, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("orphaned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "block_hash", "log_index", name=op.f("pk_side_events")),
    )
    op.create_index(op.f("ix_side_events_chain_id_payment_id"), "side_events", ["chain_id", "payment_id"], unique=False)


def _place() -> list[sa.Column[Any]]:
    return [
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
    ]
