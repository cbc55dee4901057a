"""Deposit addresses that somebody waits for: looked at until the money is there, then collected, page or no page."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from earnest.commands.asking import ask
from earnest.commands.errors import RelaysUsedUp
from earnest.commands.ports import Node
from earnest.commands.relay import relay
from earnest.escrow.txs import encode_call
from earnest.payment.errors import EarnestError, NotFound
from earnest.payment.primitives import Hash32
from earnest.payment.status import Status, Verb
from earnest.web.checkout.facts import Facts, load_facts
from earnest.web.site import Site

LOOK_SECONDS: Final = 10
"""A block a look on most chains; `COLLECT_SECONDS` leaves room for ninety."""
MOST_WATCHED: Final = 200
"""Twenty questions a second to the node at the most; beyond that the oldest of the account with the most is let go, so
that nobody's payments push out another's few."""

log = logging.getLogger(__name__)


class DepositWatch:
    """The payments whose deposit is waited for, in the database: a restart forgets none, and processes share them.

    Args:
        site: what the pages stand on.
        pause_seconds: between two looks at one payment.
        clock: wall time in Unix seconds.
    """

    def __init__(self, site: Site, pause_seconds: int = LOOK_SECONDS, clock: Callable[[], float] = time.time) -> None:
        self._site, self._pause_seconds, self._clock = site, pause_seconds, clock

    def add(self, payment_id: Hash32, account: str | None) -> None:
        """Wait for the deposit of an account's payment from now on."""
        if payment_id in self.watched:
            return  # a page asks again and again, and reading is cheaper than writing
        with self._site.store.transaction() as tx:
            tx.watched_deposits.add(payment_id, account, int(self._clock()), MOST_WATCHED)

    @property
    def watched(self) -> Sequence[Hash32]:
        """Return what is waited for, the newest last."""
        with self._site.store.read() as tx:
            return tx.watched_deposits.list()

    def run(self, stop: threading.Event) -> None:
        """Look again and again until told to stop."""
        while not stop.wait(min(self._pause_seconds, 1)):
            for payment_id in self.due():
                if stop.is_set():
                    return
                self.look(payment_id)

    def due(self) -> Sequence[Hash32]:
        """Return what no process has looked at for a pause; from now on it is this one's to look at."""
        try:
            if not self.watched:
                return []
            with self._site.store.transaction() as tx:
                return tx.watched_deposits.take(int(self._clock()), self._pause_seconds)
        except EarnestError as error:
            log.warning("deposits wait for the database (%s)", error.code)
            return []

    def look(self, payment_id: Hash32) -> None:
        """Look at one payment: collect what is enough, and wait no longer for one that is paid or over."""
        site = self._site
        try:
            facts = load_facts(site, payment_id)
            chain = site.chain_of(facts.payment)
            if facts.status is not Status.CREATED or chain.relay is None:
                self._let_go(payment_id)
                return
            if deposited(chain.place.node, facts) >= facts.payment.terms.amount:
                relay(site.store, chain.place, chain.relay, payment_id, Verb.COLLECT)
        except (RelaysUsedUp, NotFound):
            self._let_go(payment_id)
        except EarnestError as error:
            log.warning("the deposit of payment %s could not be collected (%s), later again", payment_id, error.code)

    def _let_go(self, payment_id: Hash32) -> None:
        with self._site.store.transaction() as tx:
            tx.watched_deposits.remove(payment_id)


def deposited(node: Node, facts: Facts) -> int:
    """Return what lies at a payment's deposit address in the payment's token, in base units.

    Raises:
        Unavailable: the node does not answer.
    """
    address = facts.deposit_address
    if address is None:
        return 0
    if facts.token.is_coin:
        return int(node.call("eth_getBalance", [address, "latest"]), 16)
    answer = ask(node, facts.token.address, encode_call("balanceOf", ["address"], [address]))
    return int.from_bytes(answer, "big") if answer is not None and len(answer) == 32 else 0
