"""Deposit addresses that somebody waits for: looked at until the money is there, then collected, page or no page."""

from __future__ import annotations

import logging
import threading
from collections import Counter, OrderedDict
from typing import Final

from earnest.commands.asking import ask
from earnest.commands.errors import RelaysUsedUp
from earnest.commands.ports import Node
from earnest.commands.relay import relay
from earnest.escrow.txs import encode_call
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32
from earnest.payment.status import Status, Verb
from earnest.web.checkout.facts import Facts, load_facts
from earnest.web.site import Site

LOOK_SECONDS: Final = 10.0
"""A block a look on most chains; `COLLECT_SECONDS` leaves room for ninety."""
MOST_WATCHED: Final = 200
"""Twenty questions a second to the node at the most; beyond that the oldest of the account with the most is let go, so
that nobody's payments push out another's few."""

log = logging.getLogger(__name__)


class DepositWatch:
    """The payments whose deposit is waited for. In memory: after a restart the page has to be opened once more.

    Args:
        site: what the pages stand on.
        pause_seconds: between two looks at everything.
    """

    def __init__(self, site: Site, pause_seconds: float = LOOK_SECONDS) -> None:
        self._site, self._pause_seconds = site, pause_seconds
        self._watched: OrderedDict[Hash32, str | None] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, payment_id: Hash32, account: str | None) -> None:
        """Wait for the deposit of an account's payment from now on."""
        with self._lock:
            self._watched[payment_id] = account
            self._watched.move_to_end(payment_id)
            while len(self._watched) > MOST_WATCHED:
                ((most, _),) = Counter(self._watched.values()).most_common(1)
                del self._watched[next(each for each, owner in self._watched.items() if owner == most)]

    @property
    def watched(self) -> list[Hash32]:
        """Return what is waited for, the newest last."""
        with self._lock:
            return list(self._watched)

    def run(self, stop: threading.Event) -> None:
        """Look again and again until told to stop."""
        while not stop.wait(self._pause_seconds):
            for payment_id in self.watched:
                if stop.is_set():
                    return
                self.look(payment_id)

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
        except RelaysUsedUp:
            self._let_go(payment_id)
        except EarnestError as error:
            log.warning("the deposit of payment %s could not be collected (%s), later again", payment_id, error.code)

    def _let_go(self, payment_id: Hash32) -> None:
        with self._lock:
            self._watched.pop(payment_id, None)


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
