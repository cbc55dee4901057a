"""The merchants' accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from earnest.store.records import (
    Merchant,
)


class Merchants:
    """The accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, merchant: Merchant) -> None:
        """Add an account; raises `AlreadyThere`."""
        raise NotImplementedError

    def get(self, merchant_id: str) -> Merchant | None:
        """Return the account, None if there is none of that id."""
        raise NotImplementedError

    def many(self, merchant_ids: Collection[str]) -> dict[str, Merchant]:
        """Return those of these accounts that there are, by id."""
        raise NotImplementedError

    def list(self) -> Sequence[Merchant]:
        """Return all accounts, oldest first."""
        raise NotImplementedError
