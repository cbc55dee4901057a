"""One payment of a shop on a local stack: everybody's verbs on it, and what a test expects of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from earnest.client import Payment
from earnest.escrow import txs
from earnest.localnet.accounts import DevAccount
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.terms import Terms
from earnest.testing.webhook_receiver import Received

if TYPE_CHECKING:
    from earnest.testing.shop import Shop

AMOUNTS = ("held", "to_merchant", "to_fee_recipient", "to_buyer", "repaid")


class NotAsExpected(EarnestError, AssertionError):
    """The payment is not as a test expects it."""

    code = "not_as_expected"


@dataclass(frozen=True)
class ShopPayment:
    """A payment by its id. Each verb returns the payment again, once the service has seen what came of it."""

    shop: Shop
    id: str

    # How it is.

    @property
    def now(self) -> Payment:
        """The payment as the API tells it now."""
        return self.shop.client.payment(self.id)

    @property
    def status(self) -> str:
        """Its status now."""
        return str(self.now.status)

    @property
    def finality(self) -> str | None:
        """How sure the chain is of it; None before anything is on chain."""
        found = self.now.finality
        return str(found) if found else None

    @property
    def terms(self) -> Terms:
        """Its terms, as the contract takes them."""
        return _terms(self.now)

    def expect(self, status: str, *, finality: str | None = None, **amounts: str | Decimal) -> ShopPayment:
        """Wait until the payment has this status (and finality), then compare amounts, written as decimals.

        Args:
            status: one of `earnest.payment.status.Status`.
            finality: `included`, `safe` or `final`.
            amounts: any of held, to_merchant, to_fee_recipient, to_buyer, repaid.

        Raises:
            AssertionError: it says how the payment is instead.
        """
        if unknown := amounts.keys() - set(AMOUNTS):
            raise TypeError(f"no such amount: {', '.join(sorted(unknown))}; there are: {', '.join(AMOUNTS)}")

        def fits() -> bool:
            told = self.now
            return told.status == status and finality in (None, told.finality)

        words = f"payment {self.id} to be {status}" + (f" and {finality}" if finality else "")
        self.shop.until(fits, lambda: f"{words}; it is {self.status}, {self.finality or 'not on chain'}")
        told = self.now
        for name, wanted in amounts.items():
            found = getattr(told, name)
            if found.value != Decimal(wanted):
                raise NotAsExpected(f"payment {self.id}: {name} is {found}, not {wanted}")
        return self

    def heard(self, what: str) -> Received:
        """Return the verified webhook of a type (`funded`, or `payment.funded`) about this payment, once it comes."""
        if self.shop.webhooks is None:
            raise TypeError("this shop hears no webhooks")
        return self.shop.webhooks.wait_for(
            f"payment.{what.removeprefix('payment.')}", self.id, self.shop.patience_seconds
        )

    # The buyer's verbs, and anyone's.

    def fund(self, by: DevAccount | None = None) -> ShopPayment:
        """Pay into the escrow; a token is approved first, for exactly the amount."""
        payer, told = by or self.shop.buyer, self.now
        terms, escrow = _terms(told), Address(told.escrow)
        if terms.token != ZERO_ADDRESS:
            self.shop.chain.send(txs.approve(terms.token, self._chain_id, escrow, terms.amount), by=payer)
        buyer = Address(payer.address) if terms.buyer == ZERO_ADDRESS else terms.buyer
        return self._told("funded", lambda: self._send(payer, txs.fund, buyer=buyer))

    def release(self, by: DevAccount | None = None, amount: int | None = None) -> ShopPayment:
        """Pay the merchant, all or a part in base units: the buyer at any time, anyone after the dispute window."""
        return self._told("released", lambda: self._send(by or self.shop.buyer, txs.release, amount=amount))

    def dispute(self, by: DevAccount | None = None) -> ShopPayment:
        """As the buyer, inside the dispute window: say that it is not what was ordered."""
        return self._told("disputed", lambda: self._send(by or self.shop.buyer, txs.dispute))

    def reclaim(self, by: DevAccount | None = None) -> ShopPayment:
        """Give the buyer everything back because a time ran out."""
        return self._told("reclaimed", lambda: self._send(by or self.shop.buyer, txs.reclaim))

    # The merchant's, by the API and the operator's key, and the arbiter's.

    def confirm_delivery(self) -> ShopPayment:
        """Say that it was delivered."""
        return self._told("delivered", lambda: self.shop.client.confirm_delivery(self.id))

    def refund(self, base_units: int | None = None) -> ShopPayment:
        """Give the buyer everything back, or a part in base units."""
        return self._told("refunded", lambda: self.shop.client.refund(self.id, base_units))

    def repay(self, amount: int | None = None) -> ShopPayment:
        """As the merchant, after the release: give back out of his own wallet, all or a part in base units."""
        told, merchant = self.now, self.shop.merchant
        whole = amount if amount is not None else told.to_merchant.base_units + told.to_fee_recipient.base_units
        terms, escrow = _terms(told), Address(told.escrow)
        if terms.token != ZERO_ADDRESS:
            self.shop.chain.send(txs.approve(terms.token, self._chain_id, escrow, whole), by=merchant)
        return self._told("repaid", lambda: self._send(merchant, txs.repay, amount=whole))

    def resolve(self, to_buyer: int) -> ShopPayment:
        """As the arbiter: give so many base units to the buyer, and the rest to the merchant's side."""
        rest = self.now.held.base_units - to_buyer
        split = {"to_buyer": to_buyer, "to_merchant": rest}
        return self._told("resolved", lambda: self._send(self.shop.arbiter, txs.resolve, **split))

    def take_back(self) -> ShopPayment:
        """Let the chain drop the block of the newest event, and all above it, as if nobody had sent the txs."""
        block = self.now.block
        if block is None:
            raise NotAsExpected(f"payment {self.id} is not on chain")
        self.shop.reorg(self.shop.chain.head.number - block.number + 1)
        return self

    # Inside.

    @property
    def _chain_id(self) -> int:
        return self.shop.chain.chain_id

    def _send(self, by: DevAccount, make: Callable[..., txs.UnsignedTx], **args: Any) -> None:
        told = self.now
        self.shop.chain.send(make(Address(told.escrow), self._chain_id, _terms(told), **args), by=by)

    def _told(self, what: str, act: Callable[[], object]) -> ShopPayment:
        """Act, and wait until the service has taken in one more event of this kind."""
        before = self._count(what)
        act()
        self.shop.until(
            lambda: self._count(what) > before, lambda: f"payment {self.id} to be {what}; it is {self.status}"
        )
        return self

    def _count(self, what: str) -> int:
        rows = self.shop.client.timeline(self.id)
        return sum(1 for each in rows if each.type == f"payment.{what}" and not each.orphaned)


def _terms(told: Payment) -> Terms:
    return Terms(**msgspec.structs.asdict(told.terms))
