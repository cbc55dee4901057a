"""The schema's version: bring a database up to ours, or say that it is not."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from earnest.store.errors import SchemaTooNew, SchemaTooOld

log = logging.getLogger(__name__)

MIGRATIONS: Final = Path(__file__).with_name("migrations")
UPGRADE_LOCK: Final = 0x6561726E657374
"""An advisory lock of PostgreSQL's, so that several processes starting at once upgrade one after the other."""


def upgrade_schema(connection: Connection) -> None:
    """Run what migrations are missing, all in the connection's transaction; raises `SchemaTooNew`.

    Both databases can take back what a migration does to tables: one that fails leaves nothing behind.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    before, head = _revision(connection), _head(scripts)
    if before == head:
        return
    _refuse_newer(before, scripts)
    log.info("upgrading the database's schema from %s to %s", before or "nothing", head)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def check_schema(connection: Connection) -> None:
    """Check that the database has exactly this version's schema; raises `SchemaTooNew`, `SchemaTooOld`."""
    scripts = ScriptDirectory.from_config(_config())
    found, head = _revision(connection), _head(scripts)
    if found != head:
        _refuse_newer(found, scripts)
        raise SchemaTooOld(found, head)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _head(scripts: ScriptDirectory) -> str:
    head = scripts.get_current_head()
    assert head is not None, "the package ships its migrations"
    return head


def _refuse_newer(found: str | None, scripts: ScriptDirectory) -> None:
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise SchemaTooNew(found, _head(scripts))
