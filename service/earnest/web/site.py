"""All that the pages stand on; the wiring fills it, and tests fill it with fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from earnest.commands.ports import Place, Submitter
from earnest.payment.record import Payment
from earnest.settings import Network
from earnest.store import Store, Transaction
from earnest.web.desk.ports import Desk


@dataclass(frozen=True, slots=True)
class PageChain:
    """One chain as the pages see it.

    Args:
        place: the chain, the escrow on it and its node.
        relay: who sends by a buyer's signature what anyone may send; None: this host sends nothing for buyers.
    """

    place: Place
    relay: Submitter | None = None

    @property
    def network(self) -> Network:
        """The chain's description."""
        return self.place.network


@dataclass(frozen=True, slots=True)
class Site:
    """What `add_pages` is given.

    Args:
        store: the database.
        chains: by chain id.
        public_url: how buyers reach the service, without a slash at the end.
        admit: counts a request from an address; raises where there are too many.
        admit_relay: the same for what costs the host gas.
        problem: an error as the API answers it, for what scripts ask for.
        desk: what the merchant's desk stands on; None: there is none.
        is_behind: whether what is mirrored of a chain may be older than the chain.
    """

    store: Store
    chains: Mapping[int, PageChain]
    public_url: str
    admit: Callable[[str], None]
    admit_relay: Callable[[str], None]
    problem: Callable[[Request, Exception], Response]
    desk: Desk | None = None
    is_behind: Callable[[Transaction, int], bool] = lambda _tx, _chain_id: False

    def chain_of(self, payment: Payment) -> PageChain:
        """Return a payment's chain; only of payments that were found here."""
        return self.chains[payment.chain_id]
