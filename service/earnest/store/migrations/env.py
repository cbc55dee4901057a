"""Alembic's entry: runs migrations on the connection, and in the transaction, that `upgrades` hands over."""

from alembic import context

from earnest.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite takes back what is done to tables as well; Alembic does not expect it.
    transactional_ddl=True,
    # SQLite cannot alter much in place: Alembic copies the table instead.
    render_as_batch=True,
)
context.run_migrations()
