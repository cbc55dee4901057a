"""Who works on the database and who leads, by the database's own clock; claims that a late worker cannot end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_table(
        "leads",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=True),
        sa.Column("process_name", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("reported_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leads")),
    )
    op.add_column("deliveries", sa.Column("claimed_by", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("claims", sa.BigInteger(), server_default="0", nullable=False))
    _reconciliations()
    _lists()


def _lists() -> None:
    """Indexes for lists, of merchants' own payments alone."""
    own = sa.text("account IS NOT NULL")
    for columns in (["id"], ["account", "recorded_at", "chain_id", "id"], ["account", "order_reference"]):
        op.drop_index(op.f(f"ix_payments_{'_'.join(columns)}"), table_name="payments")
    for columns in (
        ["id"],
        ["account", "recorded_at", "chain_id", "id"],
        ["account", "status", "recorded_at", "chain_id", "id"],
        ["account", "token", "recorded_at", "chain_id", "id"],
        ["account", "order_reference"],
        ["account", "paid_for"],
        ["account", "buyer"],
        ["account", "block_number"],
    ):
        name = op.f(f"ix_payments_{'_'.join(columns)}")
        op.create_index(name, "payments", columns, unique=False, sqlite_where=own, postgresql_where=own)


def _reconciliations() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("block_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("payments", sa.BigInteger(), nullable=False),
        sa.Column("differences", sa.BigInteger(), nullable=False),
        sa.Column("named", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", name=op.f("pk_reconciliations")),
    )
