"""Everything that is kept: tables, repositories, units of work, migrations. SQL is spoken in this room only."""

from earnest.store.store import Store, Transaction, open_store

__all__ = ["Store", "Transaction", "open_store"]
