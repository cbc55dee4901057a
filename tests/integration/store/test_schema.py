"""The schema and its versions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from earnest.payment.errors import Misconfigured
from earnest.payment.events import EventKind
from earnest.payment.record import BlockRef
from earnest.payment.transitions import NOTHING_YET
from earnest.store.errors import SchemaNotThere, SchemaTooNew, SchemaTooOld
from earnest.store.events import of_payments
from earnest.store.records import StoredEvent
from earnest.store.revision import HEAD
from earnest.store.tables import SUBJECTS, metadata
from earnest.store.upgrades import MIGRATIONS
from tests.support.ledger import CHAIN_ID, START, digest, event_of, make_payment
from tests.support.stores import Opener


def cannot_be_read_back(test: Callable[..., None]) -> Callable[..., None]:
    """SQLAlchemy cannot read an index of an expression back from SQLite; that it is there shows where it is asked."""
    for warning in ("Skipped unsupported reflection", "autogenerate skipping metadata-specified"):
        test = pytest.mark.filterwarnings(f"ignore:{warning} .*ix_events_payment")(test)
    return test


@cannot_be_read_back
def test_the_migrations_give_exactly_the_tables_of_the_code(database_url: str, opening: Opener) -> None:
    opening(database_url).upgrade()
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": metadata}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    assert len(metadata.tables) >= len(SUBJECTS)


def test_the_revision_of_the_code_is_that_of_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@cannot_be_read_back
def test_a_difference_between_migrations_and_code_would_be_seen(database_url: str, opening: Opener) -> None:
    opening(database_url).upgrade()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE payments DROP COLUMN order_hash"))
    with engine.connect() as connection:
        assert len(compare_metadata(MigrationContext.configure(connection), metadata)) == 1
    engine.dispose()


def test_upgrading_twice_is_upgrading_once(database_url: str, opening: Opener) -> None:
    store = opening(database_url)
    store.upgrade()
    store.upgrade()
    store.check()


def test_several_that_upgrade_at_once_do_not_disturb_each_other(database_url: str, opening: Opener) -> None:
    failures: list[BaseException] = []

    def upgrade() -> None:
        store = opening(database_url)
        try:
            store.upgrade()
            store.check()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_database_without_schema_says_which_command_makes_it(database_url: str, opening: Opener) -> None:
    store = opening(database_url)
    with pytest.raises(SchemaTooOld, match="earnest db upgrade") as refusal:
        store.check()
    assert isinstance(refusal.value, Misconfigured)
    with pytest.raises(SchemaNotThere, match="earnest db upgrade"), store.read() as tx:
        tx.merchants.list()


def test_a_newer_schema_is_refused_with_what_to_do(database_url: str, opening: Opener) -> None:
    store = opening(database_url)
    store.upgrade()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaTooNew, match=r"9999.*start the newer Earnest"):
        store.check()
    with pytest.raises(SchemaTooNew):
        store.upgrade()


def test_events_that_were_there_before_are_there_after_an_upgrade(database_url: str, opening: Opener) -> None:
    store = opening(database_url)
    store.upgrade()
    payment = make_payment(1, account=None)
    funding = event_of(payment, NOTHING_YET, EventKind.PAYMENT_FUNDED)
    told = [
        StoredEvent(CHAIN_ID, BlockRef(n, digest(f"block {n}"), START), digest(f"tx {n}"), 3, funding) for n in (5, 4)
    ]
    with store.transaction() as tx:
        tx.payments.save([payment])
        tx.events.add(CHAIN_ID, told, final_number=4)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        _as_in_0004(connection)
    engine.dispose()
    store.upgrade()
    with store.read() as tx:
        assert tx.events.timeline(CHAIN_ID, payment.id) == [replace(told[1], final=True), told[0]]
    with engine.begin() as connection:
        question = str(of_payments([payment.id]).compile(engine, compile_kwargs={"literal_binds": True}))
        asked = f"EXPLAIN QUERY PLAN SELECT * FROM events WHERE chain_id = {CHAIN_ID} AND {question}"
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            asked = asked.replace("QUERY PLAN ", "")
        assert "ix_events_payment" in "".join(str(row) for row in connection.execute(text(asked)))
    engine.dispose()


def _as_in_0004(connection: Connection) -> None:
    """Give the table of events the key and the index that it had, and take away what came later."""
    for statement in (
        "DROP INDEX ix_notifications_reorged",
        "DROP INDEX ix_deliveries_due_to_endpoint",
        "DROP INDEX ix_events_payment",
        "CREATE INDEX ix_events_chain_id_payment_id_seq ON events (chain_id, payment_id, seq)",
        "UPDATE alembic_version SET version_num = '0004'",
    ):
        connection.execute(text(statement))
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE events DROP CONSTRAINT pk_events"))
        for constraint in (
            "pk_events PRIMARY KEY (chain_id, block_hash, log_index)",
            "fk_events_chain_id_payment_id FOREIGN KEY (chain_id, payment_id) REFERENCES payments (chain_id, id)",
        ):
            connection.execute(text(f"ALTER TABLE events ADD CONSTRAINT {constraint}"))
