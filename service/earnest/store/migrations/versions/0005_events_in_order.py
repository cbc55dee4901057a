"""Events in the chain's own order, and a small index for a payment's: what is added to both costs half of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = ["chain_id", "block_number", "log_index", "block_hash"]


def upgrade() -> None:
    op.drop_index(op.f("ix_events_chain_id_payment_id_seq"), "events")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("fk_events_chain_id_payment_id"), "events", type_="foreignkey")
        op.drop_constraint(op.f("pk_events"), "events", type_="primary")
        op.create_primary_key(op.f("pk_events"), "events", KEY)
    else:
        _copy()
    op.create_index("ix_events_payment", "events", ["chain_id", sa.text("substr(payment_id, 3, 12)")])


def _copy() -> None:
    """Write the table anew, since SQLite changes no key: its rows in the new order, its other indexes as they were."""
    indexes = {
        "ix_events_not_yet_final": (["chain_id", "block_number"], "NOT final AND NOT orphaned"),
        "ix_events_credited": (["chain_id"], "credited <> 0"),
    }
    for name in indexes:
        op.drop_index(name, "events")
    op.rename_table("events", "events_before")
    amounts = ("held", "moved_to_merchant", "moved_to_fee_recipient", "moved_to_buyer")
    op.create_table(
        "events",
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in amounts),
        sa.Column("credited", sa.Integer(), nullable=False),
        sa.Column("funding_payer", sa.Text(), nullable=True),
        sa.Column("funding_buyer", sa.Text(), nullable=True),
        sa.Column("orphaned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("final", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_events")),
    )
    columns = ", ".join(column["name"] for column in sa.inspect(op.get_bind()).get_columns("events"))
    op.execute(f"INSERT INTO events ({columns}) SELECT {columns} FROM events_before ORDER BY {', '.join(KEY)}")  # noqa: S608
    op.drop_table("events_before")
    for name, (on, where) in indexes.items():
        op.create_index(name, "events", on, sqlite_where=sa.text(where))
