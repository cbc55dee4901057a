"""A merchant's shop on a local stack: the fixture `earnest`, and what `earnest trigger` plays with.

def test_a_buyer_is_refunded(earnest):
    payment = earnest.create("12.50 tUSD").fund()
    payment.refund().expect("refunded", to_buyer="12.50")
    assert payment.heard("refunded").verified
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

from earnest.chain.node import Receipt
from earnest.chain.updates import Block
from earnest.chain.wallet import CallTx
from earnest.client import Client
from earnest.localnet.accounts import DevAccount
from earnest.payment.errors import EarnestError
from earnest.testing.dev_chain import DevChain, Keep
from earnest.testing.merchants import account_of
from earnest.testing.shop_payment import ShopPayment
from earnest.testing.webhook_receiver import WebhookReceiver

T = TypeVar("T")

LOOK_SECONDS: Final = 0.03
"""How often to look whether something has come; the service's own loops are no faster."""


class WaitedInVain(EarnestError, AssertionError):
    """What was waited for did not come; the message says what was there instead."""

    code = "waited_in_vain"


@dataclass
class Shop:
    """One merchant with his buyers, and the chain that they all stand on, under a test's control.

    Args:
        client: the API with the merchant's key.
        chain: mines, waits, settles and reorganises on order.
        webhooks: hears what the merchant is told; None: nobody listens.
        patience_seconds: how long anything is waited for.
    """

    client: Client
    chain: DevChain
    webhooks: WebhookReceiver | None = None
    patience_seconds: float = 20.0

    @property
    def api_key(self) -> str:
        """The merchant's key, for a client or a program of your own."""
        return self.client.http.api_key or ""

    # Who acts. Each has coin and a million of each test token.

    @property
    def buyer(self) -> DevAccount:
        """Who pays, unless somebody else is named."""
        return account_of("buyer")

    @property
    def second_buyer(self) -> DevAccount:
        """Another one."""
        return account_of("second buyer")

    @property
    def merchant(self) -> DevAccount:
        """Who is paid."""
        return account_of("merchant")

    @property
    def arbiter(self) -> DevAccount:
        """Who resolves disputes."""
        return account_of("arbiter")

    @property
    def anyone(self) -> DevAccount:
        """A stranger."""
        return account_of("anyone")

    # Payments.

    def create(self, amount: str = "12.50 tUSD", **terms: Any) -> ShopPayment:
        """Create a payment over an amount such as `12.50 tUSD`; `terms` are those of `Client.create_payment`."""
        value, _, token = amount.partition(" ")
        return self.take_up(self.client.create_payment(value, token or "tUSD", **terms).id)

    def take_up(self, payment: str) -> ShopPayment:
        """Return a payment that your own program has created, by its id."""
        return ShopPayment(self, payment)

    # The chain.

    def travel(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> Block:
        """Let chain time pass, and wait until the service knows; returns the block that shows it."""
        whole = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        target = self.chain.head.timestamp + int(whole.total_seconds())
        while (now := self.chain.head.timestamp) < target:
            self.chain.wait(target - now)
        return self.catch_up()

    def settle(self) -> Block:
        """Mine until all that happened so far is final, and wait until the service knows."""
        self.chain.settle()
        return self.catch_up()

    def reorg(self, depth: int = 1, *, keep: Keep = Keep.NONE) -> Block:
        """Drop the newest blocks for others, their txs gone (or kept), and wait until the service knows."""
        self.chain.reorg(depth, keep=keep)
        return self.catch_up()

    def send(self, tx: CallTx, by: DevAccount) -> Receipt:
        """Send any tx in somebody's name and wait until the service has seen its block."""
        receipt = self.chain.send(tx, by=by)
        self.catch_up()
        return receipt

    def catch_up(self) -> Block:
        """Wait until the service has seen the chain's newest block; returns it."""
        head = self.chain.head

        def seen() -> bool:
            (chain,) = self.client.sync()
            return (chain.head or -1) >= head.number

        self.until(seen, f"the service to see block {head.number}")
        return head

    def until(self, look: Callable[[], T], what: str | Callable[[], str]) -> T:
        """Return the first thing found that is true; raises `WaitedInVain` once the patience is over."""
        deadline = time.monotonic() + self.patience_seconds
        while not (found := look()):
            if time.monotonic() > deadline:
                words = what if isinstance(what, str) else what()
                raise WaitedInVain(f"waited {self.patience_seconds:.0f} s in vain for {words}")
            time.sleep(LOOK_SECONDS)
        return found
