"""The schema and its versions."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from earnest.payment.errors import Misconfigured
from earnest.store.errors import SchemaNotThere, SchemaTooNew, SchemaTooOld
from earnest.store.revision import HEAD
from earnest.store.tables import SUBJECTS, metadata
from earnest.store.upgrades import MIGRATIONS
from tests.support.stores import Opener


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
