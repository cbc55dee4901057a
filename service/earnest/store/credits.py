"""Credits that were withdrawn from the escrow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection

from earnest.payment.primitives import Address, Hash32
from earnest.store.records import (
    StoredCredit,
)


class Credits:
    """Withdrawals of credits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, withdrawals: Iterable[StoredCredit]) -> None:
        """Add withdrawals; one that was orphaned becomes canonical again."""
        raise NotImplementedError

    def orphan(self, chain_id: int, block_hashes: Collection[Hash32]) -> None:
        """Flag the withdrawals in these blocks as orphaned."""
        raise NotImplementedError

    def totals(self, chain_id: int) -> Mapping[tuple[Address, Address], int]:
        """Return what was withdrawn in all, in base units, by (account, token)."""
        raise NotImplementedError
