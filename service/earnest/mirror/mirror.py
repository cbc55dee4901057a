"""The one place where anything on chain is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from earnest.chain.updates import ChainUpdate, Position
from earnest.payment.money import Token
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import Payment
from earnest.store import Store


class ChainMirror:
    """Fills `chain.updates.Mirror` for one chain and one escrow.

    Args:
        tokens: the token at an address, None where the service does not know it.
        checkout_url: where a payment's buyer pays, None where there is no such page.
        clock: wall time (Unix), for the notifications' timestamps.
    """

    def __init__(
        self,
        store: Store,
        chain_id: int,
        escrow: Address,
        tokens: Callable[[Address], Token | None],
        clock: Callable[[], int],
        checkout_url: Callable[[Payment], str | None] = lambda _: None,
    ) -> None:
        self._store, self._chain_id, self._escrow = store, chain_id, escrow
        self._tokens, self._clock, self._checkout_url = tokens, clock, checkout_url

    def position(self) -> Position | None:
        """Return how far the chain was followed, None if never."""
        raise NotImplementedError

    def begin(self, genesis_hash: Hash32) -> Position:
        """Note the genesis of the chain that is followed from now on.

        Raises:
            GenesisChanged: another one was noted before.
            EscrowChanged: the events in the database are those of another escrow.
        """
        raise NotImplementedError

    def take(self, updates: Sequence[ChainUpdate]) -> None:
        """Believe these updates, all in one transaction.

        The same batch coming again right away changes nothing.

        Raises:
            ChainDisagrees: they do not fit each other or what was believed so far; nothing is written.
        """
        raise NotImplementedError
