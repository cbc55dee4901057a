"""When merchants are told: their rules, and the events that are held back by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("merchants", sa.Column("tell", sa.Text(), nullable=True))
    _untold()
    _failed_reconciliations()
    _created()
    op.create_index(
        op.f("ix_notifications_payment_id_position"), "notifications", ["payment_id", "position"], unique=False
    )
    _credits()
    _deliveries()
    _audit_log()
    _sessions()
    _descriptions()
    _watched_deposits()
    op.add_column("api_keys", sa.Column("name", sa.Text(), nullable=True))


def _watched_deposits() -> None:
    op.create_table(
        "watched_deposits",
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_watched_deposits")),
    )


def _credits() -> None:
    """Pushes that failed are few, and asked for on their own."""
    some = sa.text("credited <> 0")
    op.create_index("ix_events_credited", "events", ["chain_id"], sqlite_where=some, postgresql_where=some)


def _deliveries() -> None:
    """A list of them is a run through one index, however many an endpoint has."""
    op.add_column("deliveries", sa.Column("position", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE deliveries SET position = (SELECT position FROM notifications"
        " WHERE notifications.id = deliveries.notification_id)"
    )
    op.drop_index(op.f("ix_deliveries_endpoint_id_state"), "deliveries")
    op.create_index(
        op.f("ix_deliveries_endpoint_id_state_position"), "deliveries", ["endpoint_id", "state", "position"]
    )


def _descriptions() -> None:
    op.create_table(
        "descriptions",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chain_id", "payment_id"],
            ["payments.chain_id", "payments.id"],
            name=op.f("fk_descriptions_chain_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("chain_id", "payment_id", name=op.f("pk_descriptions")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("wallet", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_sessions_key_id")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=op.f("fk_sessions_merchant_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    op.create_table(
        "asked_to_sign",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("wallet", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_asked_to_sign")),
    )
    op.create_index(op.f("ix_asked_to_sign_ends_at"), "asked_to_sign", ["ends_at"], unique=False)
    op.create_index(op.f("ix_sessions_ends_at"), "sessions", ["ends_at"], unique=False)
    op.create_index(op.f("ix_sessions_merchant_id"), "sessions", ["merchant_id"], unique=False)


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_merchant_id_number"), "audit_log", ["merchant_id", "number"], unique=False)


def _failed_reconciliations() -> None:
    op.create_table(
        "failed_reconciliations",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", name=op.f("pk_failed_reconciliations")),
    )


def _untold() -> None:
    op.create_table(
        "untold",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("due_head", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["chain_id", "payment_id"],
            ["payments.chain_id", "payments.id"],
            name=op.f("fk_untold_chain_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("chain_id", "payment_id", "seq", name=op.f("pk_untold")),
    )
    op.create_index(op.f("ix_untold_chain_id_block_number"), "untold", ["chain_id", "block_number"], unique=False)
    op.create_index(op.f("ix_untold_chain_id_due_head"), "untold", ["chain_id", "due_head"], unique=False)


def _created() -> None:
    """Those that wait to be paid are few among all that nobody ever paid."""
    some = sa.text("status = 'created' AND account IS NOT NULL")
    columns = ["account", "chain_id", "pay_by", "recorded_at", "id"]
    op.create_index("ix_payments_created", "payments", columns, sqlite_where=some, postgresql_where=some)
